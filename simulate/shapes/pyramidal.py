"""Pyramidal cells: a soma, basal dendrites around it and one apical dendrite towards the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.shapes.surface import directions
from detectnmf.simulate.shapes.tree import tree


@dataclass(frozen=True)
class Pyramidal(Soma):
    """Somata with branching dendrites. The somata's knobs are those of `Soma`.

    Args:
        dendrites: basal dendrites per cell, mean; at least one.
        length: of a basal dendrite from root to tip (µm); the apical one is twice as long.
        forks: how often a dendrite forks on its way.
        thickness: radius of a dendrite at its root (µm).
        dendritic: indicator in the dendrites relative to the soma.
    """

    dendrites: float = 5.0
    length: float = 70.0
    forks: int = 2
    thickness: float = 1.1
    dendritic: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dendrites < 1 or self.length <= 0 or self.thickness <= 0 or self.dendritic < 0:
            raise UserError(
                "shapes.dendrites must be 1 or more, shapes.length and shapes.thickness above 0 µm and shapes.dendritic 0 or more, "
                f"got {self.dendrites}, {self.length}, {self.thickness}, {self.dendritic}"
            )
        if not 0 <= self.forks <= 5:
            raise UserError(f"shapes.forks must lie in 0..5, got {self.forks}")

    def draw_one(self, rng: np.random.Generator) -> Shape:
        """One cell."""
        body = super().draw_one(rng)
        inside = 0.4 * self.diameter  # roots lie just inside the soma's surface
        basal = directions(1 + rng.poisson(self.dendrites - 1), rng)
        upwards = np.array([[-1.0, 0, 0]]) + 0.6 * rng.standard_normal((1, 3))  # the surface lies at negative z
        upwards /= np.linalg.norm(upwards)
        length = self.length * rng.uniform(0.7, 1.3)
        parts = [
            body,
            tree(inside * basal, length, self.forks + 1, self.thickness, self.dendritic, rng),
            tree(inside * upwards, 2 * length, self.forks + 1, 1.2 * self.thickness, self.dendritic, rng),
        ]
        return Shape(np.concatenate([p.points for p in parts]), np.concatenate([p.weights for p in parts]))
