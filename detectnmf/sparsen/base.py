"""The contract of a sparsener. To add one: a file here with such a class, and a YAML in `configs/sparsen/`."""

from __future__ import annotations

from typing import Protocol

from detectnmf.compressed import Compressed
from detectnmf.runtime import Runtime


class Sparsener(Protocol):
    """Returns a movie in the same spatial bases, whose frames show single cells at the onset of their activity."""

    @property
    def decay(self) -> float: ...  # s, of the indicator; training labels are deconvolved with it

    def __call__(self, movie: Compressed, runtime: Runtime) -> Compressed: ...
