"""The brain moves, and bends while it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.motion.rigid import Rigid
from detectnmf.simulate.noise import slow_noise

OVERSHOOT = 0.4454  # bicubic interpolation goes beyond the range of its nodes by at most this share of it


@dataclass(frozen=True)
class NonRigid(Rigid):
    """Rigid motion and, on top of it, deviations that differ from place to place.

    Args:
        local: root mean square length of the deviation at each place (µm).
        spacing: between places that deviate on their own (µm).
        local_tau: correlation time of the deviations (s).
        scan: rows are recorded one after another, as by a laser scanner, while the brain moves on.
    """

    local: float = 0.7
    spacing: float = 120.0
    local_tau: float = 2.0
    scan: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.local <= self.reach / 2:
            raise UserError(f"motion.local must lie between 0 µm and half of motion.reach = {self.reach} µm, got {self.local}")
        if not self.spacing > 4 * self.local:
            raise UserError(
                f"motion.spacing must be more than 4 times motion.local = {self.local} µm (tissue would fold), got {self.spacing}"
            )
        if not (self.local_tau > 0 and self.spacing > 0):
            raise UserError(f"motion.local_tau and motion.spacing must be above 0, got {self.local_tau} s and {self.spacing} µm")

    def shifts(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
        """(T, gy, gx, 2) px."""
        whole, bend = rng.spawn(2)
        gy, gx = (max(2, 1 + round((edge - 1) * pixel_size / self.spacing)) for edge in size)
        if self.scan:  # the last row of a frame is seen just before the first row of the next
            steps = self.path(frames * (gy - 1) + 1, rate * (gy - 1), whole)
            rows = steps[np.arange(frames)[:, None] * (gy - 1) + np.arange(gy)]
        else:
            rows = np.broadcast_to(self.path(frames, rate, whole)[:, None], (frames, gy, 2))
        shifts = np.empty((frames, gy, gx, 2), np.float32)
        for row in range(gy):
            own = slow_noise(2 * gx, frames, self.local_tau * rate, bend).reshape(gx, 2, frames)
            shifts[:, row] = rows[:, row, None] + self.local / np.sqrt(2) * own.transpose(2, 0, 1)
        span = np.ptp(shifts, axis=(1, 2), keepdims=True)
        limit = np.maximum(self.reach - OVERSHOOT * span, self.reach / (1 + 2 * OVERSHOOT))  # clipping only narrows the span
        return np.clip(shifts, -limit, limit, out=shifts) / np.float32(pixel_size)
