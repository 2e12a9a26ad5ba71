"""Processes as chains of short cylinders: `grow` draws them at random, `cut` makes them of a traced cell, `process` fills them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.surface import directions

STEP = 0.8  # µm between the cylinders of a drawn process
GRAIN = 0.4  # µm³, about what one point fills
NECK = 0.7  # µm from the surface of a dendrite to the centre of a spine's head
SPINE = 0.1  # µm³, a spine's head
TURN, LIFT = 0.7548776662, 0.5698402910  # two-dimensional golden ratio (Kronecker sequence): even without a lattice


@dataclass(frozen=True)
class Pieces:
    """Short cylinders.

    Args:
        centre: (M, 3) µm. along: (M, 3) from one end to the other, µm.
        radius: (M,) µm. volume: (M,) µm³.
    """

    centre: np.ndarray
    along: np.ndarray
    radius: np.ndarray
    volume: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> Pieces:
        return Pieces(self.centre[chosen], self.along[chosen], self.radius[chosen], self.volume[chosen])

    @classmethod
    def join(cls, *parts: Pieces) -> Pieces:
        columns = zip(*((p.centre, p.along, p.radius, p.volume) for p in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


def cut(start: np.ndarray, end: np.ndarray, first: np.ndarray, last: np.ndarray, spacing: float) -> Pieces:
    """Truncated cones, in pieces no longer than `spacing` (µm); volumes are exact.

    Args:
        start, end: (N, 3) µm. first, last: (N,) radius at the start and at the end (µm).
    """
    axis = end - start
    length = np.linalg.norm(axis, axis=1)
    n = np.maximum(np.ceil(length / spacing).astype(int), 1)
    which = np.repeat(np.arange(len(n)), n)
    step = np.arange(len(which)) - np.repeat(np.cumsum(n) - n, n)
    low, high = step / n[which], (step + 1) / n[which]
    slope = (last - first)[which]
    a, b = first[which] + low * slope, first[which] + high * slope
    volume = np.pi / 3 * length[which] / n[which] * (a**2 + a * b + b**2)
    centre = start[which] + (low + high)[:, None] / 2 * axis[which]
    return Pieces(centre, axis[which] / n[which, None], np.sqrt((a**2 + a * b + b**2) / 3), volume)


def walk(start: np.ndarray, heading: np.ndarray, steps: int, wiggle: float, rng: np.random.Generator) -> np.ndarray:
    """(B, steps, 3) unit steps of paths from (B, 3) starts along (B, 3) headings that turn at random."""
    turns = np.cumsum(rng.standard_normal((len(start), steps, 3)), axis=1) * wiggle
    course = heading[:, None] + turns
    return np.asarray(course / np.linalg.norm(course, axis=2, keepdims=True))


def grow(
    roots: np.ndarray,
    heading: np.ndarray,
    length: float,
    forks: int,
    radius: float,
    tip: float,
    rng: np.random.Generator,
    wiggle: float = 0.07,
    uneven: float = 0.3,
) -> Pieces:
    """Processes that fork and taper: at a share t of the way the radius is radius · tip^t.

    Args:
        roots: (B, 3) µm. heading: (B, 3) unit vectors.
        length: µm from root to tip; the stretches between forks grow with the distance from the root.
        forks: on the way from root to tip.
        radius: µm at the root.
        tip: radius at the tip relative to the root's.
        rng: source of randomness.
        wiggle: turn per step (radians, about).
        uneven: each stretch is up to this much shorter or longer (relative).
    """
    start, before = roots, np.zeros(len(roots))
    shares = np.arange(1, forks + 2) / sum(range(1, forks + 2))
    found = []
    for share in shares:
        span = share * length * rng.uniform(1 - uneven, 1 + uneven, len(start))
        count = np.maximum(np.rint(span / STEP).astype(int), 1)
        course = walk(start, heading, int(count.max(initial=1)), wiggle, rng)
        path = start[:, None] + STEP * np.cumsum(course, axis=1)
        alive = np.arange(course.shape[1]) < count[:, None]
        travelled = before[:, None] + STEP * (np.arange(course.shape[1]) + 0.5)
        thickness = radius * tip ** np.minimum(travelled / length, 1)[alive]
        along = STEP * course[alive]
        found.append(Pieces(path[alive] - along / 2, along, thickness, np.pi * thickness**2 * STEP))
        # each tip forks into two, at about 35 degrees to either side
        last = (np.arange(len(start)), count - 1)
        side = np.cross(course[last], directions(len(start), rng))
        side *= 0.7 / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
        start, before = np.repeat(path[last], 2, axis=0), np.repeat(before + STEP * count, 2)
        heading = np.stack([course[last] + side, course[last] - side], axis=1).reshape(-1, 3)
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    return Pieces.join(*found)


def across(along: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(N, 3) unit vectors at right angles to (N, 3) `along`, at an angle (radians) about it."""
    other = np.zeros_like(along)
    other[np.arange(len(along)), np.abs(along).argmin(axis=1)] = 1
    one = np.cross(along, other)
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(along, one)
    two /= np.linalg.norm(two, axis=1, keepdims=True)
    return np.asarray(np.cos(angle)[:, None] * one + np.sin(angle)[:, None] * two)


def process(pieces: Pieces, concentration: float, rng: np.random.Generator, spines: float = 0.0) -> Shape:
    """The cylinders filled with points.

    Args:
        pieces: M cylinders, none of length 0.
        concentration: of indicator, relative to a soma.
        rng: source of randomness.
        spines: heads of spines per µm.
    """
    n = 1 + (pieces.volume / GRAIN).astype(int)
    which = np.repeat(np.arange(len(n)), n)
    order = np.arange(len(which)) + rng.integers(10_000)
    offset = (np.arange(len(which)) - np.repeat(np.cumsum(n) - n, n) + 0.5) / n[which] - 0.5
    out = pieces.radius[which] * np.sqrt(order * LIFT % 1)
    along = pieces.along[which]
    points = pieces.centre[which] + offset[:, None] * along + out[:, None] * across(along, 2 * np.pi * (order * TURN % 1))
    volume = (pieces.volume / n)[which]
    if spines > 0:
        length = np.linalg.norm(pieces.along, axis=1)
        host = np.repeat(np.arange(len(length)), rng.poisson(spines * length))
        head = (pieces.radius[host] + NECK)[:, None] * across(pieces.along[host], rng.uniform(0, 2 * np.pi, len(host)))
        points = np.concatenate([points, pieces.centre[host] + head])
        volume = np.concatenate([volume, np.full(len(host), SPINE)])
    return Shape(points, concentration * volume, volume)
