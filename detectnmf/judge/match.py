"""Who belongs to whom: similarities of cells and the ways to pair them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from detectnmf.components import Components
from detectnmf.footprints import masks

NOBODY = -1


def spatial_cosine(one: Components, other: Components) -> np.ndarray:
    """(M, K) cosine of footprints; 0 for an empty one."""
    return np.asarray((_unit_columns(one.footprints).T @ _unit_columns(other.footprints)).toarray())


def trace_cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(M, K) cosine of centred traces (M, T) and (K, T); 0 for a constant one."""
    return _unit_rows(one) @ _unit_rows(other).T


@dataclass(frozen=True)
class MaskOverlap:
    """Shared pixels of binary footprints (above 0.2 of the maximum) of M true and K estimated cells."""

    shared: np.ndarray  # (M, K) px
    true: np.ndarray  # (M,) px
    found: np.ndarray  # (K,) px

    @property
    def iou(self) -> np.ndarray:
        """(M, K) intersection over union."""
        return self.shared / np.maximum(self.true[:, None] + self.found[None] - self.shared, 1)

    @property
    def covered(self) -> np.ndarray:
        """(M, K) share of the true mask that the estimate covers."""
        return self.shared / np.maximum(self.true[:, None], 1)

    @property
    def inside(self) -> np.ndarray:
        """(M, K) share of the estimate's mask that lies in the true one."""
        return self.shared / np.maximum(self.found[None], 1)


def mask_overlap(truth: Components, found: Components) -> MaskOverlap:
    one, other = masks(truth.footprints), masks(found.footprints)
    shared = np.asarray((one.T @ other).toarray())
    return MaskOverlap(shared, np.asarray(one.sum(axis=0)).ravel(), np.asarray(other.sum(axis=0)).ravel())


def assign(iou: np.ndarray, threshold: float) -> np.ndarray:
    """(M,) the estimate of each true cell or -1: as many pairs with IoU >= threshold as possible, then the largest sum of IoU."""
    partner = np.full(len(iou), NOBODY)
    if min(iou.shape) == 0:
        return partner
    gain = np.where(iou >= threshold, 1 + iou / (min(iou.shape) + 1), 0)  # all IoU bonuses together weigh less than one pair
    rows, columns = linear_sum_assignment(gain, maximize=True)
    good = gain[rows, columns] > 0
    partner[rows[good]] = columns[good]
    return partner


def recover(order: np.ndarray, candidates: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """(M,) the estimate of each true cell or -1, as maskNMF scores it (section on simulated data).

    Args:
        order: (M,) true cells, brightest first.
        candidates: (M, K) True where an estimate is spatially similar enough.
        similarity: (M, K) each true cell takes the most similar candidate that is not yet taken.
    """
    partner = np.full(len(candidates), NOBODY)
    free = np.ones(candidates.shape[1], bool)
    for cell in order:
        allowed = np.flatnonzero(candidates[cell] & free)
        if len(allowed):
            best = allowed[np.argmax(similarity[cell, allowed])]
            partner[cell], free[best] = best, False
    return partner


def brightness(cells: Components) -> np.ndarray:
    """(K,) ‖footprint‖ · ‖centred trace‖: how much a cell moves the movie; without traces, the footprint's sum."""
    if cells.traces is None:
        return np.asarray(cells.footprints.sum(axis=0)).ravel()
    energy = np.sqrt(np.asarray(cells.footprints.power(2).sum(axis=0)).ravel())
    return energy * cells.traces.std(axis=1)


def _unit_columns(footprints: sparse.csc_array) -> sparse.csc_array:
    norms = np.sqrt(np.asarray(footprints.power(2).sum(axis=0), np.float64)).ravel()
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    return sparse.csc_array(footprints @ sparse.diags_array(scale)) if len(scale) else footprints


def _unit_rows(traces: np.ndarray) -> np.ndarray:
    centred = traces.astype(np.float64) - traces.mean(axis=1, keepdims=True, dtype=np.float64)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    floor = 1e-9 * np.sqrt(traces.shape[1]) * np.abs(traces).max(axis=1, keepdims=True, initial=0)  # rounding is no signal
    return np.divide(centred, norms, out=np.zeros_like(centred), where=norms > floor)
