"""Somata alone: irregular balls, hollow where the indicator stays out of the nucleus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.surface import soma


@dataclass(frozen=True)
class Soma:
    """Irregular somata without processes.

    A cytosolic indicator gives a ring (`nuclear` small), one that enters the nucleus a disc (`filled` = 1), one that is confined to it
    a smaller disc (`nuclear` = 1, `cytosol` and `filled` = 0).

    Args:
        diameter: mean (µm).
        diameter_sd: standard deviation over cells (µm).
        roughness: size of the bumps relative to the radius.
        stretch: long axis over short axes, at most; each cell has its own between 1 and this.
        nucleus: diameter of the nucleus relative to the soma's.
        nuclear: indicator in the nucleus.
        cytosol: indicator in the cytosol, mean.
        filled: share of cells whose nucleus is as bright as a cytosol of 1.
    """

    diameter: float = 12.0
    diameter_sd: float = 1.2
    roughness: float = 0.06
    stretch: float = 1.35
    nucleus: float = 0.7
    nuclear: float = 0.12
    cytosol: float = 1.0
    filled: float = 0.15

    def __post_init__(self) -> None:
        if not self.diameter > 0 or not 0 <= self.diameter_sd < self.diameter:
            raise UserError(
                f"shapes.diameter must be above 0 µm and shapes.diameter_sd below it, got {self.diameter} and {self.diameter_sd}"
            )
        for name in ("roughness", "nucleus", "nuclear", "cytosol", "filled"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"shapes.{name} must lie in 0..1, got {getattr(self, name)}")
        if self.cytosol == 0 and (self.nuclear == 0 or self.nucleus == 0):
            raise UserError("shapes.cytosol is 0, so shapes.nuclear and shapes.nucleus must be above 0; else the cells are dark")
        if not 1 <= self.stretch <= 4:
            raise UserError(f"shapes.stretch must lie in 1..4, got {self.stretch}")

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        return [self.draw_one(rng) for _ in range(n)]

    def draw_one(self, rng: np.random.Generator) -> Shape:
        """One cell."""
        return self.body(self.draw_diameter(rng), rng)

    def draw_diameter(self, rng: np.random.Generator) -> float:
        """Of one soma (µm)."""
        return float(np.clip(rng.normal(self.diameter, self.diameter_sd), 0.5 * self.diameter, 2 * self.diameter))

    def body(self, diameter: float, rng: np.random.Generator, axis: np.ndarray | None = None, pear: float = 0.0) -> Shape:
        """One soma of this diameter (µm); `axis` and `pear` as in `surface.soma`."""
        nuclear = 1.0 if rng.uniform() < self.filled else self.nuclear
        return soma(diameter, self.roughness, rng.uniform(1, self.stretch), self.nucleus, nuclear, rng, self.cytosol, axis, pear)
