"""What a motion must do, how to add one, and the plainest: `Still`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Motion(Protocol):
    """Displacements of the tissue, drawn at random.

    To add one: write a frozen dataclass with `shifts` and `reach` in a file of its own, and a YAML in `configs/motion` with its
    `_target_` and knobs. The contract tests find the YAML.
    """

    @property
    def reach(self) -> float: ...  # µm, no displacement is larger along either axis

    def shifts(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
        """(T, gy, gx, 2) float32 px: how far (down, right) the tissue has moved in each frame, at a grid of gy x gx places spread evenly
        from edge to edge of the frame, (Y, X) = `size`; between them it is interpolated smoothly. Rigid motion has gy = gx = 1. What the
        resting tissue shows at (y, x) is seen at (y, x) + shift: registration must undo it, frame -> roll(frame, -shift).
        """
        ...


@dataclass(frozen=True)
class Still:
    """Nothing moves."""

    @property
    def reach(self) -> float:
        return 0.0

    def shifts(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
        """(T, 1, 1, 2) zeros."""
        return np.zeros((frames, 1, 1, 2), np.float32)
