"""Hierarchical alternating least squares in U, V space (maskNMF, appendix D), all cells of one colour at once.

Cells of one colour share no pixel, so their updates do not see one another: a batch of them is the same as one after
the other. The static baseline is eliminated: with b at its best for every A and C, the residual is centred in time,
and each update minimises over (a, b) or (c, b) together. That converges much faster than taking turns, because the
offset of a trace and the baseline under its footprint are interchangeable.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.demix.grams import Target, centred
from detectnmf.demix.pattern import Pattern
from detectnmf.sparse import SparseMatrix


def spatial(target: Target, pattern: Pattern, values: Tensor, C: Tensor, sweeps: int = 1) -> Tensor:
    """New footprint values (n,) >= 0 at the pattern, traces C (K, T) fixed.

    a_pk <- max(0, a_pk + (((U V − A C) c_kᵀ)_p / ‖c_k‖²), everything centred in time.
    """
    if not len(values):
        return values
    C = centred(C)
    G = C @ C.T
    wanted = pattern.at_entries(target.V @ C.T)
    owner = torch.from_numpy(pattern.cells).to(values.device)
    power = G.diagonal()[owner]
    step = torch.where(power > 0, 1 / power.clamp_min(1e-30), torch.zeros_like(power))
    other = torch.from_numpy(pattern.meets.indices.astype(np.int64)).to(values.device)
    near = torch.from_numpy(np.repeat(np.arange(len(values)), np.diff(pattern.meets.indptr))).to(values.device)
    weight = G[owner[other], owner[near]]
    values = values.clone()
    for _ in range(sweeps):
        for part in pattern.parts:
            pairs = slice(int(pattern.meets.indptr[part.start]), int(pattern.meets.indptr[part.stop]))
            crowd = torch.zeros_like(values[part])
            crowd.index_add_(0, near[pairs] - part.start, weight[pairs] * values[other[pairs]])
            values[part] = (values[part] + (wanted[part] - crowd) * step[part]).clamp_min_(0)
    return values


def temporal(target: Target, A: SparseMatrix, C: Tensor, colours: list[np.ndarray], sweeps: int = 1, tolerance: float = 0.0) -> Tensor:
    """New traces (K, T) >= 0, footprints A (P, K) fixed.

    c_k <- max(0, c_k + a_kᵀ(U V − A C) / ‖a_k‖²), the residual centred in time. Stops before `sweeps` when no trace
    changes by more than `tolerance` of its norm.
    """
    if not len(C):
        return C
    device = target.device
    At = A.csr.T.tocsr()
    wanted = SparseMatrix(At @ target.U.csr, device) @ target.V
    shared = sparse.csr_array(At @ A.csr)
    power = shared.diagonal()
    step = torch.from_numpy(np.where(power > 0, 1 / np.maximum(power, 1e-30), 0).astype(np.float32)).to(device)[:, None]
    batches = [(torch.from_numpy(cells).to(device), SparseMatrix(shared[cells], device)) for cells in colours]
    C = C.clone()
    for _ in range(sweeps):
        moved = 0.0
        for cells, rows in batches:
            crowd = rows @ C
            crowd -= (rows @ C.mean(dim=1))[:, None]
            old = C[cells]
            new = (old + (wanted[cells] - crowd) * step[cells]).clamp_min_(0)
            C[cells] = new
            if tolerance:
                change = (new - old).norm(dim=1) / new.norm(dim=1).clamp_min(1e-30)
                moved = max(moved, float(change[step[cells, 0] > 0].max())) if bool((step[cells, 0] > 0).any()) else moved
        if tolerance and moved < tolerance:
            break
    return C


def normalise(values: sparse.csc_array, C: Tensor) -> tuple[sparse.csc_array, Tensor]:
    """The same A C with each footprint's maximum at 1; empty cells stay as they are."""
    peak = np.asarray(values.max(axis=0).todense(), np.float32).ravel() if values.nnz else np.zeros(values.shape[1], np.float32)
    scale = np.where(peak > 0, peak, 1).astype(np.float32)
    scaled = sparse.csc_array(values.copy())
    scaled.data /= np.repeat(scale, np.diff(scaled.indptr))
    return scaled, C * torch.from_numpy(scale).to(C.device)[:, None]
