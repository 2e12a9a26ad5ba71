"""What goes wrong on the way from the camera to the disk: frames lost, blank or written twice, mains hum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Acquired:
    """Which frames reached the disk, and what hums in them.

    Args:
        index: (T,) int64, never falling: the frame of the tissue's time that each written frame shows. A step of 2 or more is a lost
            frame, of 0 a frame written twice.
        blank: (T,) bool, frames without light.
        hum: (n, m) float32 in counts per frame of the tissue's time, and `pattern`: (m, Y): row y of frame t is raised by
            hum[t] @ pattern[:, y]; n = index[-1] + 1.
        pattern: see `hum`.
    """

    index: np.ndarray
    blank: np.ndarray
    hum: np.ndarray
    pattern: np.ndarray


class Faults(Protocol):
    """Faults, drawn at random.

    To add one: write a frozen dataclass with `draw`, and a YAML in `configs/faults` with its `_target_` and knobs. The contract
    tests find the YAML.
    """

    def draw(self, frames: int, size: tuple[int, int], rate: float, rng: np.random.Generator) -> Acquired:
        """For `frames` written frames of (Y, X) = `size` at `rate` Hz."""
        ...


@dataclass(frozen=True)
class Faultless:
    """Every frame once."""

    def draw(self, frames: int, size: tuple[int, int], rate: float, rng: np.random.Generator) -> Acquired:
        """index = 0, 1, 2, ..."""
        none = np.zeros((frames, 0), np.float32)
        return Acquired(np.arange(frames), np.zeros(frames, bool), none, np.zeros((0, size[0]), np.float32))
