"""Branching, tapering processes: the geometry of dendrites."""

from __future__ import annotations

import numpy as np

from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.surface import directions

STEP = 0.8  # µm between points along a process
AROUND = 4  # points across a process at each step


def walk(start: np.ndarray, heading: np.ndarray, steps: int, wiggle: float, rng: np.random.Generator) -> np.ndarray:
    """(B, steps, 3) paths of length 1 per step from (B, 3) starts along (B, 3) headings that turn at random."""
    turns = np.cumsum(rng.standard_normal((len(start), steps, 3)), axis=1) * wiggle
    course = heading[:, None] + turns
    course /= np.linalg.norm(course, axis=2, keepdims=True)
    return np.asarray(start[:, None] + STEP * np.cumsum(course, axis=1))


def tree(
    roots: np.ndarray, length: float, generations: int, radius: float, concentration: float, rng: np.random.Generator, wiggle: float = 0.07
) -> Shape:
    """Processes that fork `generations - 1` times and taper from `radius` to a third of it.

    Args:
        roots: (B, 3) where they leave the soma (µm, soma's centre at the origin); they head outwards.
        length: µm from root to tip.
        generations: pieces between root and tip.
        radius: µm at the root.
        concentration: of indicator, relative to a soma.
        rng: source of randomness.
        wiggle: turn per step (radians, about).
    """
    start, heading = roots, roots / np.linalg.norm(roots, axis=1, keepdims=True)
    points, weights = [np.zeros((0, 3))], [np.zeros(0)]
    steps = max(2, round(length / generations / STEP))
    for generation in range(generations):
        path = walk(start, heading, steps, wiggle, rng)
        travelled = (generation + np.arange(1, steps + 1) / steps) / generations
        thickness = radius * (1 - travelled * 2 / 3)
        spread = thickness[None, :, None, None] * rng.uniform(-1, 1, (len(path), steps, AROUND, 3))
        points.append((path[:, :, None] + spread).reshape(-1, 3))
        mass = concentration * np.pi * thickness**2 * STEP / AROUND
        weights.append(np.broadcast_to(mass[None, :, None], spread.shape[:3]).ravel())
        # each tip forks into two, at about 40 degrees to either side
        course = path[:, -1] - path[:, -2]
        course /= np.linalg.norm(course, axis=1, keepdims=True)
        side = np.cross(course, directions(len(course), rng))
        side *= 0.7 / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
        start = np.repeat(path[:, -1], 2, axis=0)
        heading = np.stack([course + side, course - side], axis=1).reshape(-1, 3)
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    return Shape(np.concatenate(points), np.concatenate(weights))
