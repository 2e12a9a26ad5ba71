"""Measures of one cell: formulas only. Everything in units of noise, never P x T.

Map: `raw_traces` what the movie says at each footprint, `robust_peak`, `skewness` of traces; `compactness`, `overlap` of footprints
alone.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.footprints import masks
from detectnmf.sparse import SparseMatrix


def raw_traces(
    movie: Compressed, model: Model, cells: slice | np.ndarray = slice(None), footprints: sparse.csc_array | None = None
) -> Tensor:
    """(n, T) trace plus what the residual says at the footprint: C + aᵀ(UV - AC - b - UB) / ‖a‖².

    Args:
        cells: which. footprints: model.A in CSC, where it is at hand.
    """
    columns = (sparse.csc_array(model.A.csr) if footprints is None else footprints)[:, cells]
    mine = sparse.csr_array(columns.T)
    norms = torch.as_tensor(_energy(columns), device=movie.device)[:, None].clamp_min(1e-12)
    onto_bases = SparseMatrix(mine @ movie.U.csr, movie.device)
    residual = onto_bases @ movie.V - onto_bases @ model.B
    residual -= SparseMatrix(mine @ model.A.csr, movie.device) @ model.C
    residual -= (SparseMatrix(mine, movie.device) @ model.b)[:, None]
    chosen = cells if isinstance(cells, slice) else torch.from_numpy(cells).to(movie.device)
    return model.C[chosen] + residual / norms


def robust_peak(traces: Tensor) -> Tensor:
    """(K,) distance from the median, up or down, that is reached in two of three neighbouring frames."""
    smooth = traces
    if traces.shape[1] >= 3:
        smooth = torch.stack([traces[:, :-2], traces[:, 1:-1], traces[:, 2:]]).median(dim=0).values
    return (smooth - traces.median(dim=1, keepdim=True).values).abs().amax(dim=1)


def skewness(traces: Tensor) -> Tensor:
    """(K,) third central moment over the cubed standard deviation: 0 for noise, above 0 for transients that rise; 0 for a constant."""
    centred = (traces - traces.mean(dim=1, keepdim=True)).double()
    power = (centred**2).mean(dim=1)
    return torch.where(power > 0, (centred**3).mean(dim=1) / power.clamp_min(1e-30) ** 1.5, torch.zeros_like(power))


def compactness(footprints: sparse.sparray, size: tuple[int, int]) -> np.ndarray:
    """(K,) 1 for a disk or a Gaussian, towards 0 for a scattered or thin footprint: area / (2π · mean squared radius).

    Pixels count by their energy, so that a faint halo does not make a cell scattered; an evenly lit footprint counts as its mask.
    """
    energy = sparse.csc_array(masks(footprints).multiply(sparse.csc_array(footprints)))
    energy.data = energy.data.astype(np.float64) ** 2
    rows, columns = np.divmod(np.arange(energy.shape[0], dtype=np.float64), size[1])
    total = np.asarray(energy.sum(axis=0)).ravel()
    share = np.maximum(total, 1e-300)
    second = energy.T @ (rows**2 + columns**2) / share
    spread = second - (energy.T @ rows / share) ** 2 - (energy.T @ columns / share) ** 2 + 1 / 6  # 1/6: a pixel's own extent
    filled = total**2 / np.maximum(np.asarray(energy.multiply(energy).sum(axis=0)).ravel(), 1e-300)
    return np.clip(filled / (2 * np.pi * spread), 0, 1) * (total > 0)


def overlap(footprints: sparse.sparray) -> np.ndarray:
    """(K,) share of a footprint's energy that lies under other cells."""
    binary = masks(footprints)
    squared = sparse.csc_array(footprints, dtype=np.float64).power(2)
    crowd = np.asarray(binary.sum(axis=1)).ravel()
    column = np.repeat(np.arange(squared.shape[1]), np.diff(squared.indptr))
    own = np.asarray(binary[squared.indices, column]).ravel() if squared.nnz else np.zeros(0)
    shared = np.bincount(column, squared.data * (crowd[squared.indices] - own > 0), minlength=squared.shape[1])
    return shared / np.maximum(np.asarray(squared.sum(axis=0)).ravel(), 1e-30)


def _energy(footprints: sparse.sparray) -> np.ndarray:
    return np.asarray(footprints.power(2).sum(axis=0), np.float32).ravel()  # type: ignore[union-attr]
