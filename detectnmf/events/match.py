"""Found events against true ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from detectnmf.event_table import EventTable

LASTS = 1.3  # durations from onset to where an event has faded to about half, as the time that it takes up


@dataclass(frozen=True)
class EventScores:
    """How well events were found.

    Args:
        pairs: (m, 2) numbers of a found and of a true event. found, true: how many there are.
        onset: (m,) error (s). area, depth, duration: (m,) found over true.
    """

    pairs: np.ndarray
    found: int
    true: int
    onset: np.ndarray
    area: np.ndarray
    depth: np.ndarray
    duration: np.ndarray

    @property
    def precision(self) -> float:
        return len(self.pairs) / max(self.found, 1)

    @property
    def recall(self) -> float:
        return len(self.pairs) / max(self.true, 1)

    @property
    def f1(self) -> float:
        return 2 * len(self.pairs) / max(self.found + self.true, 1)


def match_events(found: EventTable, true: EventTable, least: float = 0.3) -> EventScores:
    """Pairs of the same sign whose areas, and the times that they take up, overlap by `least` at least (intersection over union).

    One to one, with the largest sum of overlaps (the smaller of the two). Events that the recording cuts off are neither asked for nor
    mistakes, nor is what is paired with them.
    """
    likeness = np.minimum(areas(found, true), times(found, true)) * (found.dips[:, None] == true.dips)
    rows, columns = linear_sum_assignment(-np.where(likeness >= least, likeness, 0))
    hit = likeness[rows, columns] >= least
    pairs = np.stack([rows[hit], columns[hit]], axis=1)
    counts = found.whole[pairs[:, 0]] & true.whole[pairs[:, 1]]
    aside = [set(pairs[~counts, side]) | set(np.flatnonzero(~table.whole)) for side, table in enumerate((found, true))]
    pairs = pairs[counts]
    a, b = pairs.T
    return EventScores(
        pairs,
        len(found) - len(aside[0]),
        len(true) - len(aside[1]),
        found.onset[a] - true.onset[b],
        found.area[a] / true.area[b],
        found.depth[a] / true.depth[b],
        found.duration[a] / true.duration[b],
    )


def areas(found: EventTable, true: EventTable) -> np.ndarray:
    """(E, F) intersection over union of the areas."""
    one, other = (halves(table) for table in (found, true))
    shared = (one.T @ other).toarray()
    sizes = [np.asarray(mask.sum(axis=0), np.float64).ravel() for mask in (one, other)]
    return np.asarray(shared / np.maximum(sizes[0][:, None] + sizes[1] - shared, 1))


def halves(table: EventTable) -> sparse.csc_array:
    """(P, E) 1 where a footprint exceeds half of its maximum."""
    mask = table.footprints.copy()
    mask.data = (mask.data > 0.5).astype(np.float32)
    mask.eliminate_zeros()
    return mask


def times(found: EventTable, true: EventTable) -> np.ndarray:
    """(E, F) intersection over union of the times."""
    (start, stop), (begin, end) = ((table.onset, table.onset + LASTS * table.duration) for table in (found, true))
    shared = np.minimum(stop[:, None], end) - np.maximum(start[:, None], begin)
    union = np.maximum(stop[:, None], end) - np.minimum(start[:, None], begin)
    return np.asarray(np.clip(shared, 0, None) / np.maximum(union, 1e-9))
