"""Merging on what it costs: two cells become one only where one explains nearly as much as both.

The pair a_i c_iᵀ + a_j c_jᵀ has rank two; its best rank-1 replacement loses the square of its second singular value.
That loss, relative to the weaker cell's own energy, is the price. A chain A, B, C of which A and C never meet is
therefore not merged: joining A with B makes B's share of C dear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.demix.colour import overlaps
from detectnmf.demix.grams import centred, gram
from detectnmf.demix.supports import dilate


@dataclass(frozen=True)
class Merged:
    """The cells after merging.

    Args:
        footprints: (P, K'). C: (K', T).
        origin: (K',) for each cell, the index of the cell it continues (the stronger one of a merged pair).
        pairs: number of pairs that were merged.
    """

    footprints: sparse.csc_array
    C: Tensor
    origin: np.ndarray
    pairs: int


def cost(a: np.ndarray, c: np.ndarray) -> tuple[float, np.ndarray]:
    """Price of joining two cells, and how to join them.

    Args:
        a: (2, 2) Gram matrix of the footprints. c: (2, 2) Gram matrix of the centred traces.

    Returns:
        the loss of the best rank-1 replacement, relative to the weaker cell's energy; and the weights (2,) of the traces in
        the joint trace, when each is scaled by its footprint's norm.
    """
    norm = np.sqrt(np.maximum(np.diag(a), 1e-30))
    shape = a / np.outer(norm, norm)
    power = c * np.outer(norm, norm)
    # singular values of Σ â_i (‖a_i‖ c_i)ᵀ: eigenvalues of the product of the two Gram matrices
    lengths, axes = np.linalg.eigh(shape)  # twins make it singular, which a Cholesky factor would not bear
    root = axes * np.sqrt(np.maximum(lengths, 0))
    values, vectors = np.linalg.eigh(root.T @ power @ root)
    weaker = max(float(np.diag(power).min()), 1e-30)
    return max(float(values[0]), 0.0) / weaker, np.abs(root @ vectors[:, 1])


def merge(footprints: sparse.csc_array, C: Tensor, size: tuple[int, int], correlation: float, price: float, twin: float) -> Merged:
    """One round: touching pairs, cheapest first, each cell in one pair at most.

    Args:
        footprints: (P, K). C: (K, T). size: (Y, X).
        correlation: the traces must correlate at least so much ...
        price: ... and the loss stay below this part of the weaker cell's energy;
        twin: footprints with a cosine above this are one cell seen twice: only the price counts.
    """
    count = footprints.shape[1]
    if count < 2:
        return Merged(footprints, C, np.arange(count), 0)
    centre = centred(C)
    near = sparse.triu(overlaps(dilate(footprints, size, 1)), k=1).tocoo()
    wide = footprints.astype(np.float64)
    A = sparse.csr_array(wide.T @ wide)
    traces = gram(centre, centre).cpu().numpy()
    area = A.diagonal()
    offers = []
    for i, j in zip(near.row.tolist(), near.col.tolist(), strict=True):
        if min(area[i], area[j], traces[i, i], traces[j, j]) <= 0:
            continue
        a = np.array([[area[i], A[i, j]], [A[i, j], area[j]]])
        c = traces[np.ix_([i, j], [i, j])]
        alike = c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])
        if alike < correlation and (a[0, 1] < twin * np.sqrt(a[0, 0] * a[1, 1]) or alike <= 0):
            continue
        loss, weights = cost(a, c)
        if loss < price:
            offers.append((loss, i, j, weights * np.sqrt(np.diag(a))))
    offers.sort(key=lambda offer: offer[0])
    origin, gone = np.arange(count), np.zeros(count, bool)
    busy: set[int] = set()
    columns = {}
    C = C.clone()
    for _, i, j, weights in offers:
        if i in busy or j in busy:
            continue
        busy |= {i, j}
        strong, weak = (i, j) if area[i] * traces[i, i] >= area[j] * traces[j, j] else (j, i)
        trace = float(weights[0]) * C[i] + float(weights[1]) * C[j]
        flat = trace - trace.mean()
        # least-squares footprint of the joint trace: what each of the two lends to it
        share = [float(torch.dot(centre[k], flat) / torch.dot(flat, flat)) for k in (i, j)]
        columns[strong] = footprints[:, [i]] * max(share[0], 0.0) + footprints[:, [j]] * max(share[1], 0.0)
        C[strong] = trace
        gone[weak] = True
    if not columns:
        return Merged(footprints, C, origin, 0)
    kept = np.flatnonzero(~gone)
    joined = sparse.hstack([columns.get(k, footprints[:, [k]]) for k in kept], format="csc")
    return Merged(sparse.csc_array(joined), C[torch.from_numpy(kept).to(C.device)], kept, len(columns))
