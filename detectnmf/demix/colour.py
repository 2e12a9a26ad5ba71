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
    degree = np.diff(graph.indptr)
    indices, ends = graph.indices.tolist(), graph.indptr.tolist()
    colours = [-1] * len(degree)
    for cell in np.argsort(-degree, kind="stable").tolist():
        taken = {colours[near] for near in indices[ends[cell] : ends[cell + 1]] if near != cell}
        colours[cell] = next(c for c in range(len(taken) + 1) if c not in taken)
    return np.asarray(colours, np.int64)


def classes(supports: sparse.csc_array) -> list[np.ndarray]:
    """Cells by colour: each array holds cells whose supports are disjoint."""
    return groups(colour(overlaps(supports)))


def groups(colours: np.ndarray) -> list[np.ndarray]:
    """Cells of each colour, for the colours (K,) of the cells."""
    return [np.flatnonzero(colours == c) for c in range(int(colours.max(initial=-1)) + 1)]
