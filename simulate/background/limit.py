"""Light is never negative."""

from __future__ import annotations

import numpy as np

BLOCK = 1 << 24  # numbers held at once


def limited(baseline: np.ndarray, spatial: np.ndarray, temporal: np.ndarray) -> np.ndarray:
    """(P, m) `spatial`, weakened at the pixels where baseline + spatial @ temporal would fall below 0.

    It falls by no more than the product of the lengths of spatial[p] and temporal[:, t], nor by more than all components do at their
    lowest; only pixels where neither suffices are looked at in time.

    Args:
        baseline: (P,) >= 0. spatial: (P, m). temporal: (m, T).
    """
    if not spatial.size or not temporal.size:
        return spatial
    longest = np.sqrt(np.einsum("mt,mt->t", temporal, temporal).max())
    together = np.sqrt(np.einsum("pm,pm->p", spatial, spatial)) * longest
    apart = np.maximum(-spatial * temporal.min(axis=1), -spatial * temporal.max(axis=1)).sum(axis=1)
    doubtful = np.flatnonzero(np.minimum(together, apart) > 0.999 * baseline)
    lowest = np.zeros(len(doubtful), spatial.dtype)
    step = max(1, BLOCK // max(len(doubtful), 1))
    for start in range(0, temporal.shape[1] if len(doubtful) else 0, step):
        np.minimum(lowest, (spatial[doubtful] @ temporal[:, start : start + step]).min(axis=1), out=lowest)
    room = 0.999 * baseline[doubtful]
    share = np.where(-lowest > room, room / np.maximum(-lowest, 1e-30), 1.0)
    spatial = spatial.copy()
    spatial[doubtful] *= share[:, None].astype(spatial.dtype)
    return spatial
