"""Weighted sums of a movie's pixels, frame by frame, without its dense frames."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult


def onto_bases(movie: Compressed, weights: sparse.sparray) -> sparse.csr_array:
    """(K, R) weightsᵀ · std · U: times V it is the weighted sum of the movie's fluctuation, for weights (P, K)."""
    return sparse.csr_array((sparse.diags_array(movie.std.ravel().astype(np.float64)) @ weights).T @ movie.U.csr)


def filters(movie: Compressed, footprints: sparse.csc_array) -> sparse.csc_array:
    """(P, n) a / ‖a‖² in units of noise: their sums over a movie that is a footprint (P, n) times a trace are the trace."""
    A = sparse.csc_array(footprints, dtype=np.float64)
    weights = sparse.diags_array(1 / np.maximum(movie.std.ravel().astype(np.float64), 1e-12) ** 2) @ A
    norms = np.maximum(np.asarray((A * weights).sum(axis=0)).ravel(), 1e-30)
    return sparse.csc_array(weights @ sparse.diags_array(1 / norms))


def raw_traces(result: DemixResult, chosen: np.ndarray) -> np.ndarray | None:
    """(n, T) traces of the chosen cells plus what the residual says at their footprints, in the recording's units.

    c + aᵀ(movie - model) / ‖a‖², with a and the movie in units of noise; rejected components belong to the model. None without a movie.
    """
    movie, background, cells = result.movie, result.background, result.cells
    if movie is None or cells.traces is None:
        return None
    cells = cells if result.rejected.traces is None else Components.join([cells, result.rejected])
    assert cells.traces is not None
    weights = filters(movie, cells.footprints[:, chosen])
    rest = onto_bases(movie, weights) @ movie.V.cpu().numpy() - onto_bases(background, weights) @ background.V.cpu().numpy()
    rest += (weights.T @ (movie.mean - background.mean - result.baseline).ravel())[:, None]
    rest -= sparse.csr_array(weights.T @ cells.footprints) @ cells.traces
    return np.asarray(cells.traces[chosen] + rest, np.float32)


def background_traces(result: DemixResult, chosen: np.ndarray) -> np.ndarray | None:
    """(n, T) static and fluctuating background under the chosen footprints, as a trace of theirs. None without a movie."""
    movie, background = result.movie, result.background
    if movie is None:
        return None
    weights = filters(movie, result.cells.footprints[:, chosen])
    found = onto_bases(background, weights) @ background.V.cpu().numpy()
    found += (weights.T @ (background.mean + result.baseline).ravel())[:, None]
    return np.asarray(found, np.float32)
