"""Where cells sit."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from detectnmf.errors import UserError

ROUND = 500  # candidates drawn at once
TRIES = 8  # rounds without success before giving up


def scatter(
    n: int,
    low: np.ndarray,
    high: np.ndarray,
    spacing: float,
    rng: np.random.Generator,
    glow: np.ndarray | None = None,
    pixel_size: float = 1.0,
) -> np.ndarray:
    """(n, 3) positions (µm) in the box from `low` to `high`, no two closer than `spacing` (µm), as dense as `glow` is bright.

    Args:
        n: how many. low, high: (3,) z, y, x. spacing: 0 for independent places. rng: source of randomness.
        glow: (Y, X) relative density of cells per pixel, its first pixel centred on y = x = 0; beyond its edges the nearest pixel
            counts. None for the same everywhere.
        pixel_size: µm, of `glow`.

    Raises:
        UserError: no room was found for a cell.
    """
    positions = np.zeros((0, 3))
    fruitless = 0
    while len(positions) < n and fruitless < TRIES:
        candidates = _tolerated(rng.uniform(low, high, (ROUND, 3)), glow, pixel_size, rng)
        apart = _keep_apart(positions, candidates, spacing)[: n - len(positions)]
        fruitless = 0 if len(apart) else fruitless + 1
        positions = np.concatenate([positions, apart])
    if len(positions) < n:
        raise UserError(
            f"found room for {len(positions)} of {n} cells at least {spacing:.3g} µm apart; use fewer cells, a smaller sim.min_distance "
            "or a wider sim.depth"
        )
    return positions


def _tolerated(candidates: np.ndarray, glow: np.ndarray | None, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
    """Candidates, thinned out where it is darker."""
    if glow is None or np.ptp(glow) == 0:
        return candidates
    y, x = (np.clip(np.rint(candidates[:, axis] / pixel_size), 0, glow.shape[axis - 1] - 1).astype(int) for axis in (1, 2))
    return candidates[rng.uniform(size=len(candidates)) < glow[y, x] / glow.max()]


def _keep_apart(positions: np.ndarray, candidates: np.ndarray, spacing: float) -> np.ndarray:
    """Those candidates, one after the other, that are far enough from all positions and from the candidates kept before."""
    if spacing == 0 or not len(candidates):
        return candidates
    if len(positions):
        candidates = candidates[cKDTree(positions).query(candidates)[0] >= spacing]
    close = np.linalg.norm(candidates[:, None] - candidates, axis=2) < spacing
    free = np.ones(len(candidates), bool)
    for k in range(len(candidates)):
        if free[k]:
            free[k + 1 :] &= ~close[k, k + 1 :]
    return candidates[free]
