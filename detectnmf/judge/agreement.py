"""How well each cell agrees with the movie minus all other cells and the background, on its own pixels.

With R = U (V − B) − A C, everything centred in time, the movie minus the *other* cells is R_p + a_p c at a pixel p of cell (a, c):

    correlation_p = (R_p·c + a_p ‖c‖²) / (‖c‖ ‖R_p + a_p c‖),   explained = 1 − Σ_p ‖R_p‖² / Σ_p ‖R_p + a_p c‖²

All of it follows from products over time of the few bases and cells that meet there; a tile of the field is done at a time, so that
neighbouring cells share them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.judge.products import products
from detectnmf.judge.tiles import tiles
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class Agreement:
    """How K cells fit the movie.

    Args:
        correlation: (K,) of the trace with the movie minus the others, footprint-weighted mean over pixels; 0 for an empty cell.
        explained: (K,) share of the energy of the movie minus the others that the cell takes away; below 0 where it adds some.
    """

    correlation: np.ndarray
    explained: np.ndarray


def agreement(movie: Compressed, model: Model, runtime: Runtime) -> Agreement:
    """Correlation and explained variance of every cell, in time linear in the number of cells."""
    A = sparse.csr_array(model.A.csr, dtype=np.float64, copy=True)
    A.eliminate_zeros()
    footprints = sparse.csc_array(A)
    level = movie.V.mean(dim=1) - model.B.mean(dim=1)
    correlation, explained = np.zeros(len(model)), np.zeros(len(model))
    groups = list(tiles(footprints, movie.size))
    for cells in runtime.progress(groups, "judging cells", len(groups)):
        mine = footprints[:, cells]
        pixels, row = np.unique(mine.indices, return_inverse=True)
        U, crowd = movie.U.csr[pixels], A[pixels]
        bases, met = np.unique(U.indices), np.unique(crowd.indices)
        gram = _gram(movie, model, level, bases, met)
        U, crowd = U[:, bases].astype(np.float64), crowd[:, met]
        few = len(bases)
        seen = U @ gram[:few, few:]  # movie times trace, at each pixel
        rest = seen - crowd @ gram[few:, few:]  # R times trace
        energy = np.asarray((U @ gram[:few, :few] * U.toarray()).sum(axis=1) - (crowd.toarray() * (seen + rest)).sum(axis=1))
        energy = np.maximum(energy, 0)  # ‖R_p‖²

        column = np.repeat(np.arange(len(cells)), np.diff(mine.indptr))
        place = np.searchsorted(met, cells)[column]
        a, power, product = mine.data, np.diagonal(gram)[few:][place], rest[row, place]
        alone = energy[row] + 2 * a * product + a**2 * power  # ‖R_p + a_p c‖²
        scale = np.sqrt(np.maximum(alone * power, 0))
        alike = np.divide(product + a * power, scale, out=np.zeros_like(scale), where=scale > 0)

        def total(values: np.ndarray, column: np.ndarray = column, count: int = len(cells)) -> np.ndarray:
            return np.bincount(column, values, count)

        correlation[cells] = np.clip(total(a * alike) / np.maximum(total(a), 1e-30), -1, 1)
        before = total(alone)
        explained[cells] = np.where(before > 0, 1 - total(energy[row]) / np.where(before > 0, before, 1), 0)
    return Agreement(correlation, explained)


def _gram(movie: Compressed, model: Model, level: torch.Tensor, bases: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(n, n) products over time of the chosen bases (background subtracted) and traces."""
    chosen = torch.from_numpy(bases.astype(np.int64)).to(movie.device)
    met = torch.from_numpy(cells.astype(np.int64)).to(movie.device)

    def rows(piece: slice) -> torch.Tensor:
        return torch.cat([movie.V[chosen, piece] - model.B[chosen, piece], model.C[met, piece]])

    return products(rows, torch.cat([level[chosen], model.C[met].mean(dim=1)]), len(movie))
