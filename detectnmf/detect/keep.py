"""Which detections become seeds: the four rules of maskNMF ("Component identification"), best score first."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def crowded(masks: np.ndarray, limit: float) -> np.ndarray:
    """(n, h, w) masks of one frame -> (n,) True where a mask shares more than `limit` pixels with another one."""
    if len(masks) < 2:
        return np.zeros(len(masks), bool)
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    shared = flat @ flat.T
    np.fill_diagonal(shared, 0)
    return shared.max(1) > limit


def distinct(footprints: sparse.csc_array, score: np.ndarray, t_real: float, t_bin: float) -> np.ndarray:
    """Greedy, best score first: keep what is unlike everything kept before, both as an image and as a mask.

    Args:
        footprints: (P, N) candidates, >= 0.
        score: (N,) confidence.
        t_real: most cosine between footprints.
        t_bin: most cosine between binary masks.

    Returns:
        Indices of the kept ones, best first.
    """
    count = footprints.shape[1]
    real = _cosines(footprints)
    flat = footprints.copy()
    flat.data = np.ones_like(flat.data)
    binary = _cosines(flat)
    taken = np.zeros(count, bool)
    kept = []
    for i in np.argsort(-score, kind="stable"):
        if taken[i]:
            continue
        kept.append(i)
        for cosine, limit in ((real, t_real), (binary, t_bin)):
            row = slice(cosine.indptr[i], cosine.indptr[i + 1])
            taken[cosine.indices[row][cosine.data[row] >= limit]] = True
    return np.array(kept, int)


def _cosines(footprints: sparse.csc_array) -> sparse.csr_array:
    norm = np.sqrt(np.asarray(footprints.multiply(footprints).sum(0)).ravel())
    unit = footprints @ sparse.diags_array(1 / np.maximum(norm, 1e-20))
    return sparse.csr_array(unit.T @ unit)
