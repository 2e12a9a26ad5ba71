"""Pockets of tissue that light up or darken as one: dips and surges of oxygen, seen by bioluminescence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Part, Shape
from detectnmf.simulate.shapes.surface import bumps, spin
from detectnmf.simulate.shapes.tree import LIFT, TURN

RINGS = 4  # that wake one after the other
BANDS = 5  # across the way that a pocket drifts
REACH = 1.8  # radii to which a pocket is drawn: there it gives 3 % of its middle
FINE = 120  # points across a radius at most (a surge in pixels of 2 µm shows no grain), and none closer than
CLOSEST = 1.0  # µm


@dataclass(frozen=True)
class Pocket:
    """Diffuse, roundish sheets that grow as they deepen, drift, and shrink as they fade; as thick as wide.

    The height falls from the middle as exp(-ln2 · u^2.5), u = distance over the edge's distance in that direction, so that a pocket in
    full has its area above half of its height. Sizes as measured in mouse cortex (OxygenDynamicsV2): dips 1780 µm², surges 25 900 µm².

    Args:
        area: above half of the height, median (µm²).
        area_spread: standard deviation of its logarithm.
        roughness: size of the bumps of the outline relative to its radius.
        growth: share of the greatest depth at which the outermost ring wakes; 0 for a pocket that keeps its size.
        delay: by how much the last edge is late behind the first, at most (s); each pocket has its own direction and pace. 0 for one
            that stays in its place.
    """

    area: float = 1780.0
    area_spread: float = 0.5
    roughness: float = 0.16
    growth: float = 0.6
    delay: float = 5.0

    def __post_init__(self) -> None:
        if not self.area > 0 or not 0 <= self.area_spread <= 2:
            raise UserError(f"shapes.area must be above 0 µm² and shapes.area_spread lie in 0..2, got {self.area} and {self.area_spread}")
        if not 0 <= self.roughness <= 0.4 or not 0 <= self.growth < 1:
            raise UserError(f"shapes.roughness must lie in 0..0.4 and shapes.growth in 0..1, got {self.roughness} and {self.growth}")
        if not 0 <= self.delay < np.inf:
            raise UserError(f"shapes.delay must be 0 s or more, got {self.delay}")

    @property
    def diameter(self) -> float:
        """Of a disc of the median area (µm)."""
        return float(2 * np.sqrt(self.area / np.pi))

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n pockets."""
        return [self.draw_one(rng) for _ in range(n)]

    def draw_one(self, rng: np.random.Generator) -> Shape:
        """One pocket."""
        radius = np.sqrt(self.area * np.exp(self.area_spread * rng.standard_normal()) / np.pi)
        step = max(radius / FINE, CLOSEST)
        line = np.arange(-np.ceil(1.4 * REACH * radius / step), np.ceil(1.4 * REACH * radius / step) + 1) * step
        flat = np.stack(np.meshgrid([0.0], line, line, indexing="ij"), axis=-1).reshape(-1, 3)
        flat = flat @ spin(rng.uniform(0, 2 * np.pi), False)
        far = np.linalg.norm(flat, axis=1)

        state = rng.integers(2**63)
        units = flat / np.maximum(far, 1e-9)[:, None]
        circle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
        around = np.stack([np.zeros(360), np.sin(circle), np.cos(circle)], axis=1)
        edge, outline = (
            np.clip(1 + bumps(way, (2, 3, 4, 5), self.roughness, np.random.default_rng(state)), 0.5, 1.4) for way in (units, around)
        )
        edge /= np.sqrt((outline**2).mean())  # keeps the area
        u = far / (radius * edge)
        seen = u < REACH
        u, points = u[seen], flat[seen]
        height = np.exp(-np.log(2) * u**2.5)
        points = points - np.average(points, axis=0, weights=height)

        heading = rng.uniform(0, 2 * np.pi)
        way = points[:, 1:] @ [np.sin(heading), np.cos(heading)] / (REACH * radius)  # -1 .. 1, about
        late = self.delay * rng.uniform()
        bands = BANDS if late > 0 else 1
        rings = RINGS if self.growth > 0 else 1
        mixed = np.outer([TURN, LIFT], np.arange(len(u))) % 1 - 0.5  # neighbours blend, so that no edges show
        ring = np.clip(np.rint(u / REACH * rings - 0.5 + mixed[0]).astype(int), 0, rings - 1)
        band = np.clip(np.rint((way + 1) / 2 * bands - 0.5 + mixed[1]).astype(int), 0, bands - 1)
        parts = [
            Part(delay=late * b / max(bands - 1, 1), threshold=self.growth * r / max(rings - 1, 1))
            for r in range(rings)
            for b in range(bands)
        ]
        there, part = np.unique(ring * bands + band, return_inverse=True)
        weights = height * step**2 * 2 * radius
        if len(there) == 1:
            return Shape(points, weights)
        return Shape(points, weights, parts=tuple(parts[k] for k in there), part=part)
