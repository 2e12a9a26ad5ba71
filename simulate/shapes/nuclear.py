"""Cell nuclei, as a nuclear indicator shows them in zebrafish: small bright balls, dark nucleoli, no processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.surface import directions, lattice

ACROSS = 16  # lattice points across a nucleus
WAVES = 12  # plane waves that add up to the chromatin
GRAINS = 0.3  # size of a chromatin domain (half a wave) relative to the diameter


@dataclass(frozen=True)
class Nuclear:
    """Slightly stretched balls of uneven chromatin.

    Args:
        diameter: mean (µm).
        diameter_sd: standard deviation over cells (µm).
        stretch: long axis over short axes, at most; each cell has its own between 1 and this.
        texture: standard deviation of the chromatin's density relative to its mean.
        nucleolus: diameter of the nucleolus relative to the nucleus; 0 for none.
        nucleolar: indicator in the nucleolus relative to the chromatin.
    """

    diameter: float = 5.0
    diameter_sd: float = 0.4
    stretch: float = 1.3
    texture: float = 0.25
    nucleolus: float = 0.3
    nucleolar: float = 0.2

    def __post_init__(self) -> None:
        if not self.diameter > 0 or not 0 <= self.diameter_sd < self.diameter:
            raise UserError(
                f"shapes.diameter must be above 0 µm and shapes.diameter_sd below it, got {self.diameter} and {self.diameter_sd}"
            )
        if not 1 <= self.stretch <= 4:
            raise UserError(f"shapes.stretch must lie in 1..4, got {self.stretch}")
        for name, most in (("texture", 1), ("nucleolus", 0.8), ("nucleolar", 1)):
            if not 0 <= getattr(self, name) <= most:
                raise UserError(f"shapes.{name} must lie in 0..{most}, got {getattr(self, name)}")

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        return [self.draw_one(rng) for _ in range(n)]

    def draw_one(self, rng: np.random.Generator) -> Shape:
        """One cell."""
        points = lattice(ACROSS) @ Rotation.random(rng=rng).as_matrix().T  # (N, 3) in the unit ball
        waves = directions(WAVES, rng) * (np.pi / (2 * GRAINS) * rng.uniform(0.7, 1.3, (WAVES, 1)))
        chromatin = np.sqrt(2 / WAVES) * np.cos(points @ waves.T + rng.uniform(0, 2 * np.pi, WAVES)).sum(axis=1)
        concentration = np.clip(1 + self.texture * chromatin, 0.1, 1.9)
        if self.nucleolus > 0:
            offset = directions(1, rng)[0] * rng.uniform(0, 0.8) * (1 - self.nucleolus)
            edge = (np.linalg.norm(points - offset, axis=1) - self.nucleolus) * 8  # soft over about an eighth of the radius
            concentration *= self.nucleolar + (1 - self.nucleolar) * np.clip(edge + 0.5, 0, 1)
        diameter = np.clip(rng.normal(self.diameter, self.diameter_sd), 0.5 * self.diameter, 2 * self.diameter)
        stretch, axis = rng.uniform(1, self.stretch), directions(1, rng)[0]
        scale = (np.eye(3) + (stretch - 1) * np.outer(axis, axis)) * stretch ** (-1 / 3)  # keeps the volume
        volume = np.full(len(points), np.pi / 6 * diameter**3 / len(points))
        return Shape(points @ scale * (diameter / 2), concentration * volume, volume)
