"""The whole brain moves as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.noise import kicks, rhythm, slow_noise


@dataclass(frozen=True)
class Rigid:
    """A slow wander about the place of rest, sudden jerks that settle, and the rhythms of breath and heart.

    Args:
        rms: root mean square length of the displacement (µm), before it is cut off at `reach`.
        reach: no displacement is larger along either axis (µm).
        tau: correlation time of the wander (s).
        jerky: share of the jerks in the mean square.
        jerks: per minute.
        settle: time constant with which a jerk dies out (s).
        breath: share of the breath in the mean square.
        breathing: breaths per second (Hz).
        beat: share of the heartbeat in the mean square; the wander takes what is left of 1.
        pulse: heartbeats per second (Hz).
    """

    rms: float = 1.5
    reach: float = 8.0
    tau: float = 15.0
    jerky: float = 0.3
    jerks: float = 60.0
    settle: float = 0.3
    breath: float = 0.06
    breathing: float = 2.5
    beat: float = 0.02
    pulse: float = 9.0

    def __post_init__(self) -> None:
        if self.rms < 0:
            raise UserError(f"motion.rms must be 0 µm or more, got {self.rms}")
        if self.reach < 2 * self.rms:
            raise UserError(
                f"motion.reach must be at least twice motion.rms = {self.rms} µm, got {self.reach}; raise it or lower motion.rms"
            )
        for name in ("tau", "jerks", "settle", "breathing", "pulse"):
            if not getattr(self, name) > 0:
                raise UserError(f"motion.{name} must be above 0, got {getattr(self, name)}")
        if min(self.jerky, self.breath, self.beat) < 0 or self.jerky + self.breath + self.beat > 1:
            raise UserError(
                f"motion.jerky, motion.breath and motion.beat are shares, at least 0 and at most 1 in all, "
                f"got {self.jerky}, {self.breath} and {self.beat}"
            )

    def path(self, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
        """(T, 2) µm (down, right)."""
        wander, jolt, lungs, heart = rng.spawn(4)
        rest = max(1 - self.jerky - self.breath - self.beat, 0.0)
        path = np.sqrt(rest / 2) * slow_noise(2, frames, self.tau * rate, wander)
        if self.jerky:
            path += np.sqrt(self.jerky / 2) * kicks(2, frames, self.jerks / 60 / rate, self.settle * rate, jolt)
        for share, frequency, stream in ((self.breath, self.breathing, lungs), (self.beat, self.pulse, heart)):
            if share:  # along one line; the rhythm holds for some ten cycles
                angle = stream.uniform(0, 2 * np.pi)
                wave = rhythm(1, frames, frequency / rate, 10 * rate / frequency, stream)
                path += np.sqrt(share) * np.array([[np.sin(angle)], [np.cos(angle)]]) * wave
        return np.clip(self.rms * path.T, -self.reach, self.reach)

    def shifts(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
        """(T, 1, 1, 2) px."""
        return (self.path(frames, rate, rng) / pixel_size).astype(np.float32).reshape(frames, 1, 1, 2)
