"""Pyramidal cells: a soma, basal dendrites around it and one apical dendrite, with obliques and a tuft, towards the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.shapes.surface import directions, join
from detectnmf.simulate.shapes.tree import Pieces, across, grow, process

TRUNK = 1.6  # radius of the apical trunk relative to a basal dendrite's, at the root
TIP = 1 / 3  # radius of a dendrite at its tip, relative to the root's
PEAR = 0.2


@dataclass(frozen=True)
class Pyramidal(Soma):
    """Pear-shaped somata with branching, tapering dendrites. The somata's knobs are those of `Soma`.

    Args:
        dendrites: basal dendrites per cell, mean; at least one.
        length: of a basal dendrite from root to tip (µm); the apical one is twice as long, its tuft included.
        forks: how often a basal dendrite, or the tuft, forks on its way.
        obliques: side branches of the apical trunk, mean.
        thickness: radius of a basal dendrite at its root (µm); it tapers to a third, the apical trunk is 1.6 times as thick.
        dendritic: indicator in the dendrites relative to the soma.
        spines: per µm of dendrite.
    """

    dendrites: float = 5.0
    length: float = 70.0
    forks: int = 2
    obliques: float = 4.0
    thickness: float = 1.1
    dendritic: float = 0.4
    spines: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dendrites < 1 or self.length <= 0 or self.thickness <= 0 or self.dendritic < 0:
            raise UserError(
                "shapes.dendrites must be 1 or more, shapes.length and shapes.thickness above 0 µm and shapes.dendritic 0 or more, "
                f"got {self.dendrites}, {self.length}, {self.thickness}, {self.dendritic}"
            )
        if not 0 <= self.forks <= 5:
            raise UserError(f"shapes.forks must lie in 0..5, got {self.forks}")
        if not self.obliques >= 0 or not 0 <= self.spines <= 10:
            raise UserError(f"shapes.obliques must be 0 or more and shapes.spines lie in 0..10 per µm, got {self.obliques}, {self.spines}")

    def draw_one(self, rng: np.random.Generator) -> Shape:
        """One cell."""
        diameter = self.draw_diameter(rng)
        upwards = np.array([-1.0, 0, 0]) + 0.25 * rng.standard_normal(3)  # the surface lies at negative z
        upwards /= np.linalg.norm(upwards)
        body = self.body(diameter, rng, _tilted(upwards, 0.5, rng), PEAR)
        inside = 0.45 * diameter  # roots lie just inside the soma's surface
        length = self.length * rng.uniform(0.7, 1.3)
        basal = directions(1 + rng.poisson(self.dendrites - 1), rng) - 0.4 * upwards  # rather away from the apical dendrite
        basal /= np.linalg.norm(basal, axis=1, keepdims=True)
        pieces = Pieces.join(
            grow(inside * basal, basal, length, self.forks, self.thickness, TIP, rng),
            *self._apical(inside * upwards, upwards, length, rng),
        )
        return join([body, process(pieces, self.dendritic, rng, self.spines)])

    def _apical(self, root: np.ndarray, heading: np.ndarray, length: float, rng: np.random.Generator) -> tuple[Pieces, ...]:
        """Trunk, tuft and obliques; half of twice the length is trunk."""
        trunk = grow(root[None], heading[None], length, 0, TRUNK * self.thickness, 0.6, rng, wiggle=0.03, uneven=0.1)
        course = trunk.along / np.linalg.norm(trunk.along, axis=1, keepdims=True)
        tuft = grow(trunk.centre[-1:], course[-1:], length, self.forks, 0.8 * self.thickness, TIP, rng)
        roots = rng.integers(0, max(1, int(0.8 * len(course))), rng.poisson(self.obliques))
        side = across(course[roots], rng.uniform(0, 2 * np.pi, len(roots))) + 0.5 * course[roots]
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        obliques = grow(trunk.centre[roots], side, 0.8 * length, max(self.forks - 1, 0), 0.6 * self.thickness, 0.5, rng)
        return trunk, tuft, obliques


def _tilted(axis: np.ndarray, tilt: float, rng: np.random.Generator) -> np.ndarray:
    """(3,) the unit vector, turned at random by about `tilt` radians."""
    turned = axis + tilt * rng.standard_normal(3)
    return np.asarray(turned / np.linalg.norm(turned))
