"""The contract of a compressor. To add one: a file here with such a class, and a YAML in `configs/compress/`."""

from __future__ import annotations

from typing import Protocol

from detectnmf.compressed import Compressed
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime


class Compressor(Protocol):
    """Reads the movie in pieces and returns it compressed, in units of noise."""

    def __call__(self, recording: Recording, runtime: Runtime) -> Compressed: ...
