"""Where cells sit."""

from __future__ import annotations

import numpy as np

from detectnmf.errors import UserError

TRIES = 300


def scatter(n: int, low: np.ndarray, high: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) positions (µm), uniform in the box from `low` to `high`, no two closer than `spacing` (µm).

    Raises:
        UserError: no room was found for a cell.
    """
    positions = np.zeros((n, 3))
    for k in range(n):
        for _ in range(TRIES // 20):
            candidates = rng.uniform(low, high, (20, 3))
            distances = np.linalg.norm(candidates[:, None] - positions[None, :k], axis=2)
            free = (distances >= spacing).all(axis=1)
            if free.any():
                positions[k] = candidates[free.argmax()]
                break
        else:
            raise UserError(
                f"found room for {k} of {n} cells at least {spacing:.3g} µm apart; use fewer cells, a smaller sim.min_distance "
                "or a wider sim.depth"
            )
    return positions
