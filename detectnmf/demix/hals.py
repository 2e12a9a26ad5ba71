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

BYTES = 2**20  # of traces updated at once: their passes stay in the cache


def spatial(target: Target, pattern: Pattern, values: Tensor, C: Tensor, sweeps: int = 1) -> Tensor:
    """New footprint values (n,) >= 0 at the pattern, traces C (K, T) fixed.

    a_pk <- max(0, ((U V − Σ_j≠k a_j c_j) c_kᵀ)_p / ‖c_k‖²), everything centred in time.
    """
    if not len(values):
        return values
    C = centred(C)
    products = pattern.neighbours.sample(C, C)
    power = pattern.powers(products)
    step = torch.where(power > 0, 1 / power.clamp_min(1e-30), 0)
    wanted = torch.where(power > 0, pattern.at_entries(target.V, C) * step, values)
    near, pair = (torch.from_numpy(x).to(values.device) for x in (pattern.meeting.near, pattern.meeting.pair))
    weight = products[pair] * step[near]
    values = values.clone()
    crowds = [(crowd.part, crowd.structure.filled(weight[crowd.pairs])) for crowd in pattern.crowds]
    for _ in range(sweeps):
        for part, others in crowds:
            torch.sub(wanted[part], others @ values, out=values[part]).clamp_min_(0)
    return values


def temporal(
    target: Target,
    A: SparseMatrix,
    C: Tensor,
    colours: list[np.ndarray],
    sweeps: int = 1,
    tolerance: float = 0.0,
    b: Tensor | None = None,
    signed: bool = False,
) -> Tensor:
    """New traces (K, T), footprints A (P, K) fixed.

    c_k <- max(0, a_kᵀ(U V − Σ_j≠k a_j c_j) / ‖a_k‖²), the residual centred in time, or less the baseline b where one is given.

    Args:
        colours: cells by colour; only these are updated.
        sweeps: passes over all cells; fewer when no trace changes by more than `tolerance` of its norm.
        b: (P,) baseline, held as it is, so that traces are >= 0 relative to it; None eliminates it: it is then always at its best.
        signed: traces may be below 0. Without `b` their means are then arbitrary, and stay what they are.
    """
    if not len(C):
        return C
    seen = target.seen(A)
    pattern = seen.pattern
    power = pattern.power(seen.shared)
    inverse = np.where(power > 0, 1 / np.maximum(power, 1e-30), 0)
    # -a_k·a_j / ‖a_k‖² for each neighbour j of k; a cell whose footprint became 0 takes over its own trace
    weight = np.where(pattern.is_self, power[pattern.near] <= 0, -seen.shared * inverse[pattern.near])
    weight, step = (torch.from_numpy(x.astype(np.float32)).to(C.device) for x in (weight, inverse))
    batches = pattern.batches(colours, max(1, BYTES // (4 * max(C.shape[1], 1))))
    links = [batch.structure.filled(weight[batch.entries]) for batch in batches]
    steps = [step[batch.cells][:, None] for batch in batches]
    C = C.clone()
    mean = C.mean(dim=1)
    level = None if b is None else (A.T @ (target.level - b)) * step
    for _ in range(sweeps):
        moved = torch.zeros((), device=C.device)
        for batch, link, step in zip(batches, links, steps, strict=True):
            cells = batch.cells
            new = link @ C
            new.addcmul_(seen.movie.index_select(0, cells), step)
            new += (mean[cells] - link @ mean if level is None else level[cells])[:, None]
            if not signed:
                new.clamp_min_(0)
            if tolerance:
                change = (new - C.index_select(0, cells)).norm(dim=1) / new.norm(dim=1).clamp_min(1e-30)
                moved = torch.maximum(moved, change.max())
            C.index_copy_(0, cells, new)
            mean[cells] = new.mean(dim=1)
        if tolerance and float(moved) < tolerance:
            break
    return C


def normalise(values: sparse.csc_array, C: Tensor) -> tuple[sparse.csc_array, Tensor]:
    """The same A C with each footprint's maximum at 1; empty cells stay as they are."""
    peak = np.asarray(values.max(axis=0).todense(), np.float32).ravel() if values.nnz else np.zeros(values.shape[1], np.float32)
    scale = np.where(peak > 0, peak, 1).astype(np.float32)
    scaled = sparse.csc_array(values.copy())
    scaled.data /= np.repeat(scale, np.diff(scaled.indptr))
    return scaled, C * torch.from_numpy(scale).to(C.device)[:, None]
