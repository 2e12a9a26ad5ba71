"""Cells whose traces are mixtures of their neighbours' are no cells of their own: the neighbours take over their pixels.

A false seed between two cells comes to hold a fragment of both. If non-negative shares β of the traces of touching cells
explain its trace, its footprint can be handed to them (a_j += β_j a_k) at the cost of ‖a_k‖² ‖c_k − Σ β_j c_j‖². Measured on
toy movies with false seeds: such fragments are explained to more than 97 %, real cells to less than 85 %.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import nnls
from torch import Tensor

from detectnmf.background.grid import Grid
from detectnmf.demix.colour import overlaps
from detectnmf.demix.grams import centred, gram
from detectnmf.demix.merge import Merged
from detectnmf.demix.supports import dilate
from detectnmf.footprints import area


def shares(traces: np.ndarray, cell: int, near: np.ndarray) -> tuple[np.ndarray, float]:
    """Non-negative shares (n,) of the traces `near` in one cell's trace, and the part of its energy that they leave.

    Args:
        traces: (K, K) Gram matrix of the centred traces.
    """
    lengths, axes = np.linalg.eigh(traces[np.ix_(near, near)])
    root = np.sqrt(np.maximum(lengths, 1e-9 * lengths[-1]))
    found = nnls(root[:, None] * axes.T, axes.T @ traces[near, cell] / root)[0]
    left = traces[cell, cell] - 2 * found @ traces[near, cell] + found @ traces[np.ix_(near, near)] @ found
    return found, float(left / traces[cell, cell])


# where the two do not touch: how many times the reach they may be apart, the fragment's energy over that of its cell, at most, and
# the part of the price that may be left; a tip of a dendrite lies far off and is weak
APART = ((1, 0.5, 1.0), (3, 0.1, 0.5))


# what has this part of a cell's area is no tip of another, and goes only at this part of the price: where a whole tissue
# responds, cells differ by little
WHOLE, WHOLE_PRICE = 0.5, 0.25


def nearby(footprints: sparse.csc_array, size: tuple[int, int], reach: int) -> sparse.csr_array:
    """(K, K) above 0 for pairs of which some pixels lie within one to three times `reach` (px) of one another."""
    grid = Grid(size, max(1, reach))
    coarse = (sparse.csr_array(grid.sum() @ footprints) > 0).astype(np.float32)
    return sparse.csr_array(coarse.T @ (grid.around(0, 1.5 * grid.step).sums() @ coarse))


def absorb(
    footprints: sparse.csc_array, C: Tensor, raw: Tensor, noise: Tensor, size: tuple[int, int], price: float, reach: int, disc: float
) -> Merged:
    """One round, weakest cells first; a cell that gives or takes does so once.

    Args:
        footprints: (P, K). C: (K, T).
        raw: (K, T) traces with what the residual says, and their noise (K,): what noise alone leaves costs nothing.
        size: (Y, X).
        price: a cell goes when its neighbours' traces leave less than this part of its energy.
        reach: how far (px) the fragment of a cell may lie from the rest of it. disc: area of a cell (px).
    """
    count = footprints.shape[1]
    if count < 2:
        return Merged(footprints, C, np.arange(count), 0)
    flat = centred(raw)
    traces = gram(flat, flat).cpu().numpy()
    flicker = noise.double().cpu().numpy() ** 2 * raw.shape[1]
    bright = np.maximum(np.diag(traces) - flicker, 0)
    energy = np.asarray(footprints.multiply(footprints).sum(axis=0)).ravel() * bright
    touching = overlaps(dilate(footprints, size, 1))
    apart = [(nearby(footprints, size, times * reach), most, part) for times, most, part in APART]
    whole = area(footprints) >= WHOLE * disc
    dear = np.where(whole, price * WHOLE_PRICE, price)
    busy, gone = energy <= 0, np.zeros(count, bool)
    columns: dict[int, sparse.csc_array] = {}
    for cell in np.argsort(energy, kind="stable").tolist():
        if busy[cell]:
            continue
        near = _stronger(touching, cell, busy, energy)
        found, left = shares(traces, cell, near) if len(near) else (np.zeros(0), 1.0)
        if left >= dear[cell]:
            near = near[:0]
            for graph, most, part in () if whole[cell] else apart:
                stronger = _stronger(graph, cell, busy, energy * np.where(np.arange(count) == cell, 1, most))
                found, near = _one(traces, flicker, cell, stronger, part * price * bright[cell])
                if len(near):
                    break
        if not len(near):
            continue
        takers = near[found > 0]
        for taker, share in zip(takers.tolist(), found[found > 0].tolist(), strict=True):
            columns[taker] = footprints[:, [taker]] + footprints[:, [cell]] * np.float32(share)
        gone[cell] = True
        busy[takers], busy[cell] = True, True
    if not gone.any():
        return Merged(footprints, C, np.arange(count), 0)
    kept = np.flatnonzero(~gone)
    joined = sparse.csc_array(sparse.hstack([columns.get(int(k), footprints[:, [k]]) for k in kept], format="csc"))
    return Merged(joined, C[torch.from_numpy(kept).to(C.device)], kept, int(gone.sum()))


def _stronger(graph: sparse.csr_array, cell: int, busy: np.ndarray, energy: np.ndarray) -> np.ndarray:
    near = graph.indices[graph.indptr[cell] : graph.indptr[cell + 1]]
    return near[(near != cell) & ~busy[near] & (energy[near] > energy[cell])]


def _one(traces: np.ndarray, flicker: np.ndarray, cell: int, near: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """The one cell nearby that explains a fragment's trace but for noise, and its share; empty if there is none."""
    power = np.maximum(np.diag(traces)[near] - flicker[near], 1e-30)
    share = np.maximum(traces[near, cell] / power, 0)
    left = traces[cell, cell] - flicker[cell] - share * traces[near, cell]
    order = np.argsort(left)[:1]
    return (share[order], near[order]) if len(order) and left[order[0]] < most else (np.zeros(0), near[:0])
