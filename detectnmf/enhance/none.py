"""No enhancing."""

from __future__ import annotations

from dataclasses import dataclass

from detectnmf.recording import Recording
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class NoEnhancing:
    """The recording as it is."""

    def __call__(self, recording: Recording, diameter: float | None, runtime: Runtime) -> Recording:
        return recording
