"""No registration."""

from __future__ import annotations

from dataclasses import dataclass

from detectnmf.recording import Recording
from detectnmf.register.base import Registered
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class NoRegistration:
    """The recording as it is."""

    def __call__(self, recording: Recording, runtime: Runtime) -> Registered:
        return Registered(recording)
