"""Where a footprint is: masks and areas."""

from __future__ import annotations

import numpy as np
from scipy import sparse

MASK_LEVEL = 0.2  # of the footprint's maximum: where a cell is


def masks(footprints: sparse.sparray, level: float = MASK_LEVEL) -> sparse.csc_array:
    """Binary footprints (P, K), 1 where a footprint is above `level` of its maximum."""
    binary = sparse.csc_array(footprints, dtype=np.float64, copy=True)  # what follows works in place
    binary.sum_duplicates()
    cells = binary.shape[1]
    if cells and binary.nnz:
        column = np.repeat(np.arange(cells), np.diff(binary.indptr))
        peak = np.zeros(cells)
        np.maximum.at(peak, column, binary.data)
        binary.data = (binary.data > level * peak[column]).astype(np.float64)
        binary.eliminate_zeros()
    return binary


def area(footprints: sparse.sparray) -> np.ndarray:
    """(K,) pixels above 0.2 of the maximum."""
    return np.asarray(masks(footprints).sum(axis=0)).ravel()
