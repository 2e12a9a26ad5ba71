"""How much of a trace may be its neighbours' light."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import nnls
from torch import Tensor

from detectnmf.demix.colour import overlaps
from detectnmf.demix.supports import dilate
from detectnmf.judge.products import products


def touching(footprints: sparse.csc_array, size: tuple[int, int]) -> sparse.csr_array:
    """(K, K) non-zero where two different footprints share a pixel or lie side by side."""
    graph = sparse.csr_array(overlaps(dilate(footprints, size, 1)))
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph


def crosstalk(raw: Tensor, cells: np.ndarray, C: Tensor, graph: sparse.csr_array) -> np.ndarray:
    """(n,) share of the variance of each raw trace y that its neighbours' traces explain.

    max over β ≥ 0 of 1 − ‖y − Σ_j β_j c_j‖² / ‖y‖², everything centred in time, j over the cells that touch. 0 for independent cells
    that are well demixed, 1 for a trace that is nothing but a mixture of its neighbours'. It is an upper bound on the leakage:
    neighbours that truly fire together count, too.

    Args:
        raw: (n, T) traces with what the residual says at the footprint. cells: (n,) whose they are.
        C: (K, T) all traces.
        graph: (K, K) non-zero where cells touch.
    """
    found = np.zeros(len(cells))
    near = [graph.indices[graph.indptr[cell] : graph.indptr[cell + 1]] for cell in cells]
    met = np.unique(np.concatenate([np.zeros(0, np.int64), *near]))
    if not len(met):
        return found
    rows = torch.cat([raw, C[torch.from_numpy(met.astype(np.int64)).to(C.device)]])
    gram = products(lambda piece: rows[:, piece], rows.mean(dim=1), rows.shape[1])
    own, others = gram[: len(cells), : len(cells)], gram[len(cells) :, len(cells) :]
    for k, who in enumerate(near):
        at = np.searchsorted(met, who)
        if len(at) and own[k, k] > 0:
            target = gram[len(cells) + at, k]
            found[k] = explained(others[np.ix_(at, at)], target) / own[k, k]
    return np.clip(found, 0, 1)


def explained(gram: np.ndarray, target: np.ndarray) -> float:
    """Largest 2 β·target − βᵀ gram β over β ≥ 0: the energy that non-negative shares of some traces explain.

    Args:
        gram: (n, n) products of the traces with each other. target: (n,) with the trace to be explained.
    """
    lengths, axes = np.linalg.eigh(gram)
    root = np.sqrt(np.maximum(lengths, max(1e-9 * lengths[-1], 1e-30)))  # two like traces make it singular
    shares = nnls(root[:, None] * axes.T, axes.T @ target / root)[0]
    return float(2 * shares @ target - shares @ gram @ shares)
