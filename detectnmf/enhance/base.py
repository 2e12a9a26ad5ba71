"""The contract of an enhancer. To add one: a file here with such a class, and a YAML in `configs/enhance/`."""

from __future__ import annotations

from typing import Protocol

from detectnmf.recording import Recording
from detectnmf.runtime import Runtime


class Enhancer(Protocol):
    """Gives a recording whose frames are enhanced when they are read; nothing is written, nothing is kept."""

    def __call__(self, recording: Recording, diameter: float | None, runtime: Runtime) -> Recording:
        """Args: diameter: of a cell (px), None if it is not known."""
        ...
