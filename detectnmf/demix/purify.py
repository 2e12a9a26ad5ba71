"""Traces freed from what leaked into them.

Where one footprint lies within another, the factorisation is not unique: for every α

    a_i c_i + a_j c_j = a_i (c_i − α c_j) + (a_j + α a_i) c_j.

HALS stays wherever it was started. What decides is C >= 0, relative to rest: a leak α c_j in c_i shows as frames in which j
is active and c_i stands at α c_j, never below. So the lowest ratios c_i / c_j over the frames in which j is bright tell how much
of c_j can be taken out of c_i; a cell that merely often fires with its neighbour has frames without, and keeps all. (The
"pure frame" assumption of maskNMF, section "Background and related work", used as a constraint.)

Below zero, the ratios tell of the opposite: j's footprint holds some of i's, and c_i falls whenever j is active. The same formula
with a negative α takes it out, if it is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.demix.supports import middles

BRIGHT_NOISE, BRIGHT_PEAK = 5.0, 0.3  # j is active above so many times its noise, and this part of its highest peak
FALLEN, FALLEN_FRAMES, FALLEN_NOISE = 0.75, 3, 2.0  # below zero is this part of the ratios, of so many frames, by so much noise
FRAMES, EVENTS = 8, 3  # fewer bright frames or events tell nothing: two cells may light up together by chance
LACKING = 0.2  # of the energy that is to be taken out of a footprint may not be there
PAIRS = 256  # worked on at once


@dataclass(frozen=True)
class Pure:
    """Footprints (P, K) and traces (K, T) of the same cells, their product unchanged within reach; how many pairs were changed."""

    footprints: sparse.csc_array
    C: Tensor
    pairs: int


def leaks(C: Tensor, noise: Tensor, taker: np.ndarray, giver: np.ndarray, quantile: float) -> np.ndarray:
    """(n,) share α of the giver's trace that certainly is in the taker's; below 0 where it certainly was taken out of it.

    Args:
        C: (K, T) traces relative to rest, not clipped. noise: (K,) their noise.
        taker, giver: (n,) the cells of each pair.
        quantile: of the ratios in the giver's bright frames that counts as the lowest; noise is allowed for where it is below 0.
    """
    found = np.zeros(len(taker))
    for start in range(0, len(taker), PAIRS):
        i, j = (torch.from_numpy(side[start : start + PAIRS]).to(C.device) for side in (taker, giver))
        bright = C[j] > torch.maximum(BRIGHT_NOISE * noise[j], BRIGHT_PEAK * C[j].amax(dim=1))[:, None]
        ratio = torch.where(bright, C[i] / C[j].clamp_min(1e-20), torch.inf)
        count = bright.sum(dim=1)
        ordered = ratio.sort(dim=1).values
        places = [(part * (count - 1)).floor().clamp_min(0).long()[:, None] for part in (quantile, 0.5, FALLEN)]
        share, usual, high = (ordered.gather(1, place)[:, 0] for place in places)
        events = (bright[:, 1:] & ~bright[:, :-1]).sum(dim=1)
        sure = (count >= FRAMES) & (events >= EVENTS)
        typical = torch.where(bright, C[j], torch.nan).nanmedian(dim=1).values
        fallen = (count >= FALLEN_FRAMES) & (high * typical < -FALLEN_NOISE * noise[i])
        share = torch.where(sure, share.clamp_min(0), 0.0) + torch.where(fallen, usual, 0.0)
        found[start : start + PAIRS] = share.double().cpu().numpy()
    return found


def purify(
    footprints: sparse.csc_array,
    C: Tensor,
    noise: Tensor,
    quantile: float,
    least: float,
    size: tuple[int, int],
    extent: float,
) -> Pure:
    """One round over all pairs that share pixels, largest leaks first; each cell in one pair at most.

    Args:
        footprints: (P, K). C: (K, T) traces relative to rest, not clipped. noise: (K,) of the traces.
        quantile: see `leaks`.
        least: leaks below this part of the taker's own energy are left alone.
        size: (Y, X). extent: the giver's support does not grow farther from its middle (px), where it would be another cell's.
    """
    count = footprints.shape[1]
    shared = sparse.csr_array(footprints.T @ footprints).tocoo()
    different = shared.row != shared.col
    taker, giver = shared.row[different].astype(np.int64), shared.col[different].astype(np.int64)
    if not len(taker):
        return Pure(footprints, C, 0)
    alpha = leaks(C, noise, taker, giver, quantile)
    energy = C.var(dim=1, correction=0).double().cpu().numpy()
    part = alpha**2 * energy[giver] / np.maximum(energy[taker], 1e-30)
    busy = np.zeros(count, bool)
    columns: dict[int, sparse.csc_array] = {}
    middle = middles(footprints, size)
    C = C.clone()
    for pair in np.argsort(-part, kind="stable"):
        i, j = int(taker[pair]), int(giver[pair])
        if part[pair] < least:
            break
        if busy[i] or busy[j]:
            continue
        moved = footprints[:, [i]] * np.float32(alpha[pair])
        if alpha[pair] > 0:
            far = np.hypot(*(np.stack(np.divmod(moved.indices, size[1]), axis=1) - middle[j]).T) > extent
            moved.data[far & ~np.isin(moved.indices, footprints[:, [j]].indices)] = 0
        column = sparse.csc_array(footprints[:, [j]] + moved)
        lacking = np.minimum(column.data, 0)
        if lacking @ lacking > LACKING * (moved.data @ moved.data):
            continue
        column.data = np.maximum(column.data, 0)
        column.eliminate_zeros()
        busy[[i, j]] = True
        columns[j] = column
        C[i] -= float(alpha[pair]) * C[j]
    if not columns:
        return Pure(footprints, C, 0)
    joined = sparse.hstack([columns.get(k, footprints[:, [k]]) for k in range(count)], format="csc")
    return Pure(sparse.csc_array(joined), C, len(columns))
