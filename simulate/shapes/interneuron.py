"""Interneurons: round or spindle-shaped somata with few long, thin, smooth dendrites that hardly taper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.shapes.surface import directions, join
from detectnmf.simulate.shapes.tree import grow, process

TIP = 0.7  # radius of a dendrite at its tip, relative to the root's
WIGGLE = 0.05  # straighter than a pyramidal cell's


@dataclass(frozen=True)
class Interneuron(Soma):
    """Multipolar and bipolar cells without spines. The somata's knobs are those of `Soma`.

    Args:
        dendrites: of a multipolar cell, mean; at least two.
        bipolar: share of cells with two dendrites, one towards the surface and one away from it.
        length: of a dendrite from root to tip (µm).
        forks: how often a dendrite forks on its way.
        thickness: radius of a dendrite at its root (µm).
        dendritic: indicator in the dendrites relative to the soma.
    """

    stretch: float = 1.2
    dendrites: float = 4.0
    bipolar: float = 0.25
    length: float = 120.0
    forks: int = 1
    thickness: float = 0.6
    dendritic: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dendrites < 2 or self.length <= 0 or self.thickness <= 0 or self.dendritic < 0:
            raise UserError(
                "shapes.dendrites must be 2 or more, shapes.length and shapes.thickness above 0 µm and shapes.dendritic 0 or more, "
                f"got {self.dendrites}, {self.length}, {self.thickness}, {self.dendritic}"
            )
        if not 0 <= self.bipolar <= 1:
            raise UserError(f"shapes.bipolar must lie in 0..1, got {self.bipolar}")
        if not 0 <= self.forks <= 5:
            raise UserError(f"shapes.forks must lie in 0..5, got {self.forks}")

    def draw_one(self, rng: np.random.Generator) -> Shape:
        """One cell."""
        diameter = self.draw_diameter(rng)
        if rng.uniform() < self.bipolar:
            axis = np.array([-1.0, 0, 0]) + 0.2 * rng.standard_normal(3)
            heading = np.stack([axis, -axis]) + 0.15 * rng.standard_normal((2, 3))
            axis = axis / np.linalg.norm(axis)
        else:
            axis = None
            heading = directions(2 + rng.poisson(self.dendrites - 2), rng)
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        length = self.length * rng.uniform(0.7, 1.3)
        pieces = grow(0.45 * diameter * heading, heading, length, self.forks, self.thickness, TIP, rng, WIGGLE)
        return join([self.body(diameter, rng, axis), process(pieces, self.dendritic, rng)])
