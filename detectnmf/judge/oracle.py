"""The oracle: the traces that true footprints would give, by non-negative regression on the same compressed movie."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult
from detectnmf.traces.project import onto_bases

CHUNK = 4096  # frames; the regression of one frame knows nothing of the others


def oracle_traces(movie: Compressed, truth: DemixResult) -> np.ndarray:
    """(M, T) min over C >= 0 of ‖(movie - true baseline - true background - A C) / std‖², bad pixels left out.

    Where true traces fall below zero (dips, inverted indicators), C is free. Works on AᵀA and AᵀY alone; the movie is never made dense.
    """
    footprints = sparse.csc_array(truth.cells.footprints, dtype=np.float64)
    weight = 1 / np.maximum(movie.std.ravel().astype(np.float64), 1e-12) ** 2
    if movie.bad_pixels is not None:
        weight[movie.bad_pixels.ravel()] = 0
    weighted = sparse.csc_array(sparse.diags_array(weight) @ footprints)
    gram = sparse.csr_array(footprints.T @ weighted)
    onto, aside = onto_bases(movie, weighted), onto_bases(truth.background, weighted)
    V, B = movie.V.cpu().numpy(), truth.background.V.cpu().numpy()
    static = weighted.T @ (movie.mean - truth.background.mean - truth.baseline).ravel()
    traces = np.zeros((footprints.shape[1], V.shape[1]), np.float32)
    signed = truth.cells.traces is not None and bool((truth.cells.traces < 0).any())
    for start in range(0, V.shape[1], CHUNK):
        piece = slice(start, start + CHUNK)
        traces[:, piece] = nonnegative_regression(gram, onto @ V[:, piece] - aside @ B[:, piece] + static[:, None], signed=signed)
    return traces


def nonnegative_regression(
    gram: sparse.csr_array, target: np.ndarray, sweeps: int = 1000, tolerance: float = 1e-7, signed: bool = False
) -> np.ndarray:
    """(M, T) min over C >= 0 of trace(Cᵀ·gram·C)/2 - trace(Cᵀ·target), by coordinate descent to convergence.

    Args:
        gram: (M, M) AᵀA.
        target: (M, T) AᵀY.
        sweeps: at most so many rounds over all cells.
        tolerance: stop when no cell's part in the movie moves by more than this share of the largest.
        signed: over all C: least squares.
    """
    diagonal = gram.diagonal()
    C = np.zeros_like(target)
    seen = np.flatnonzero(diagonal > 0)  # an empty footprint has no trace
    if len(seen):
        C[seen] = np.linalg.lstsq(gram[seen][:, seen].toarray(), target[seen], rcond=None)[0]
    if signed:
        return C
    C = np.maximum(C, 0)
    for _ in range(sweeps):
        moved = 0.0
        for cell in seen:
            start, stop = gram.indptr[cell : cell + 2]
            gradient = target[cell] - gram.data[start:stop] @ C[gram.indices[start:stop]]
            new = np.maximum(C[cell] + gradient / diagonal[cell], 0)
            moved = max(moved, float(np.abs(new - C[cell]).max() * diagonal[cell] ** 0.5))
            C[cell] = new
        if moved <= tolerance * (C.max(axis=1) * diagonal**0.5).max(initial=0):
            break
    return C
