"""Bumpy balls, the geometry of a soma; `join`, `spin`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from detectnmf.simulate.shapes.base import Shape

ACROSS = 22  # lattice points across a soma's diameter, at least
STEP = 0.73  # µm between them, at most


@lru_cache(maxsize=4)
def lattice(across: int) -> np.ndarray:
    """(N, 3) points that fill the unit ball evenly: a lattice, which each cell rotates at random.

    A rotated lattice gives projections four times smoother than as many random or jittered points.
    """
    step = 2.0 / across
    line = (np.arange(across) + 0.5) * step - 1
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    points = points[(points**2).sum(axis=1) < 1]
    points.setflags(write=False)
    return points


def directions(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) unit vectors, uniform over the sphere."""
    vectors = rng.standard_normal((n, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def bumps(units: np.ndarray, orders: tuple[int, ...], size: float, rng: np.random.Generator) -> np.ndarray:
    """(N,) a smooth random function on the sphere: one Legendre polynomial per order, each about its own axis, SD about `size`."""
    field = np.zeros(len(units))
    for order, axis in zip(orders, directions(len(orders), rng), strict=True):
        series = np.zeros(order + 1)
        series[order] = 1.0
        field += rng.standard_normal() * np.polynomial.legendre.legval(units @ axis, series)
    return np.asarray(size * field / np.sqrt(len(orders)))


def soma(
    diameter: float,
    roughness: float,
    stretch: float,
    nucleus: float,
    nuclear: float,
    rng: np.random.Generator,
    cytosol: float = 1.0,
    axis: np.ndarray | None = None,
    pear: float = 0.0,
) -> Shape:
    """A bumpy ellipsoid with an off-centre nucleus.

    Args:
        diameter: µm, of the ball of the same volume (up to the bumps).
        roughness: size of the bumps relative to the radius.
        stretch: long axis over short axes.
        nucleus: diameter of the nucleus relative to the soma's.
        nuclear: concentration of indicator in the nucleus.
        rng: source of randomness.
        cytosol: concentration of indicator in the cytosol.
        axis: (3,) unit vector of the long axis; None for a random one.
        pear: by how much the cross-section shrinks from the middle to the end that the axis points to, and grows to the other.
    """
    across = max(ACROSS, 10 * int(np.ceil(diameter / STEP / 10)))  # even: no point in the middle
    points = lattice(across) @ Rotation.random(rng=rng).as_matrix().T  # (N, 3) in the unit ball
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    radius = np.clip(1 + bumps(units, (2, 3, 3, 4, 5), 2 * roughness, rng), 0.5, 1.5)
    patches = np.clip(1 + bumps(units, (1, 2, 4, 6), 0.45, rng), 0.3, 1.7)  # organelles make the ring uneven

    offset = directions(1, rng)[0] * rng.uniform(0, 0.6) * (1 - nucleus)
    edge = (np.linalg.norm(points - offset, axis=1) - nucleus) * 12  # soft over about a tenth of the radius
    outside = np.clip(edge + 0.5, 0, 1)
    concentration = nuclear * (1 - outside) + cytosol * patches * outside

    random_axis = directions(1, rng)[0]
    axis = random_axis if axis is None else axis
    volume = radius**3 * (4 / 3 * np.pi * (diameter / 2) ** 3 / len(points))  # the map's volume element
    points = points * radius[:, None]
    along = points @ axis
    if pear:
        narrow = np.clip(1 - pear * along, 0.2, 2)
        points = along[:, None] * axis + (points - along[:, None] * axis) * narrow[:, None]
        volume = volume * narrow**2
        points = points - np.average(points, axis=0, weights=volume)
    scale = (np.eye(3) + (stretch - 1) * np.outer(axis, axis)) * stretch ** (-1 / 3)  # keeps the volume
    return Shape(points=points @ scale * (diameter / 2), weights=concentration * volume, volume=volume)


def join(shapes: Sequence[Shape]) -> Shape:
    """Pieces of one cell as one shape; what has no volume displaces nothing."""
    volumes = [np.zeros(len(s.points)) if s.volume is None else s.volume for s in shapes]
    return Shape(np.concatenate([s.points for s in shapes]), np.concatenate([s.weights for s in shapes]), np.concatenate(volumes))


def spin(angle: float, mirror: bool) -> np.ndarray:
    """(3, 3) rotation about the optical axis (z, y, x order) by `angle` (radians), after a mirroring of x; for points @ matrix."""
    sine, cosine, side = np.sin(angle), np.cos(angle), -1.0 if mirror else 1.0
    return np.array([[1, 0, 0], [0, cosine, sine], [0, -side * sine, side * cosine]])
