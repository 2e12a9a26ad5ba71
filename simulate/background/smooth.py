"""Neuropil: a textured image whose brightness drifts smoothly in space and slowly in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.background.base import Neuropil
from detectnmf.simulate.background.limit import limited
from detectnmf.simulate.noise import slow_noise, smooth_fields


@dataclass(frozen=True)
class Smooth:
    """A sum of smooth random images, each with its own slow random time course, on an image of coarse texture and fine grain.

    Args:
        amplitude: standard deviation of the fluctuation over time, relative to the local mean.
        length: correlation length in space (µm), of the fluctuation and of the coarse texture.
        tau: correlation time (s).
        modes: how many images are summed.
        texture: standard deviation over space of the coarse texture, relative to the mean.
        grain: relative standard deviation of the neuropil in 1 µm³ of tissue. The optics average over more: 0.25 is seen as 7 % by
            a two-photon focus of NA 0.5 in pixels of 1 µm, as 1.5 % by a Bessel beam of 60 µm.
    """

    amplitude: float = 0.04
    length: float = 25.0
    tau: float = 1.0
    modes: int = 20
    texture: float = 0.06
    grain: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.amplitude <= 0.25:
            raise UserError(f"neuropil.amplitude must lie in 0..0.25 (more would make negative light), got {self.amplitude}")
        for name in ("length", "tau"):
            if not getattr(self, name) > 0:
                raise UserError(f"neuropil.{name} must be above 0, got {getattr(self, name)}")
        if self.modes < 1:
            raise UserError(f"neuropil.modes must be 1 or more, got {self.modes}; for no fluctuation use neuropil=none")
        if not 0 <= self.texture <= 0.5:
            raise UserError(f"neuropil.texture must lie in 0..0.5, got {self.texture}")
        if not 0 <= self.grain <= 2:
            raise UserError(f"neuropil.grain must lie in 0..2, relative to the mean in 1 µm³, got {self.grain}")

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Neuropil:
        """The fluctuation is proportional to the local mean."""
        baseline = np.maximum(1 + self.texture * smooth_fields(1, size, self.length / pixel_size, rng)[0].astype(float), 0.2)
        images = smooth_fields(self.modes, size, self.length / pixel_size, rng) * (self.amplitude / np.sqrt(self.modes))
        courses = slow_noise(self.modes, frames, self.tau * rate, rng)
        courses -= courses.mean(axis=1, keepdims=True)
        temporal = courses.astype(np.float32)
        spatial = np.ascontiguousarray((images * baseline).reshape(self.modes, -1).T, np.float32)
        grain = rng.standard_normal(size) if self.grain else None
        return Neuropil(baseline, limited(baseline.ravel(), spatial, temporal), temporal, grain, self.grain)
