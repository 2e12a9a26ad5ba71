"""Colouring of the overlap graph: cells of one colour share no pixel, so all of them can be updated at once."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def overlaps(supports: sparse.csc_array) -> sparse.csr_array:
    """(K, K) number of pixels that two supports share; the diagonal holds the areas."""
    pattern = sparse.csr_array((np.ones(supports.nnz, np.float32), supports.indices, supports.indptr), shape=supports.shape[::-1])
    return sparse.csr_array(pattern @ pattern.T)


def colour(graph: sparse.csr_array) -> np.ndarray:
    """(K,) colours 0, 1, ... with no two neighbours alike; greedy, cells with most neighbours first.

    Args:
        graph: (K, K) symmetric; an entry (i, j), i != j, makes i and j neighbours.
    """
    cells = graph.shape[0]
    colours = np.full(cells, -1, np.int64)
    degree = np.diff(graph.indptr)
    for cell in np.argsort(-degree, kind="stable"):
        near = graph.indices[graph.indptr[cell] : graph.indptr[cell + 1]]
        taken = set(colours[near[near != cell]].tolist())
        colours[cell] = next(c for c in range(cells + 1) if c not in taken)
    return colours


def classes(supports: sparse.csc_array) -> list[np.ndarray]:
    """Cells by colour: each array holds cells whose supports are disjoint."""
    colours = colour(overlaps(supports))
    return [np.flatnonzero(colours == c) for c in range(int(colours.max(initial=-1)) + 1)]
