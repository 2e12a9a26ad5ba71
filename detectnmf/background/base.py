"""What a background model is. To add one: a class with this `__call__` in its own file, and a YAML in configs/background."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime


class Background(Protocol):
    """The fluctuating background of a movie, given where its cells are."""

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Tensor:
        """(R, T) with mean 0 over time: U B is the background in units of noise; `diameter` in px."""
        ...
