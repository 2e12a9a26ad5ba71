"""The contract of a registrar. To add one: a file here with such a class, and a YAML in `configs/register/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from detectnmf.recording import Recording
from detectnmf.register.frames import RegisteredFrames
from detectnmf.registration import Registration
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class Registered:
    """A recording whose frames are put back when they are read.

    Each frame is compared with the template when it is first read, so that registering takes no pass over the movie of its own.

    Args:
        recording: float32, NaN where the tissue was outside of the frame; the recording as it is where nothing moves.
        frames: what finds and remembers the shifts; None where nothing moves.
    """

    recording: Recording
    frames: RegisteredFrames | None = None

    def registration(self) -> Registration | None:
        """How the recording moved; reads the frames that were not read yet. None where nothing moves."""
        return None if self.frames is None else self.frames.registration()


class Registrar(Protocol):
    """Finds out how a recording moves, and gives it with its frames put back on reading; nothing is written, nothing is kept."""

    def __call__(self, recording: Recording, runtime: Runtime) -> Registered:
        """Raises UserError: the recording has nothing by which it could be registered."""
        ...
