"""Scores of an event table against the true one: dips and surges apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.event_table import EventTable
from detectnmf.events.match import match_events

OVERLAP = 0.3  # of area and of time, intersection over union, from which a found event is a true one


@dataclass(frozen=True)
class EventScore:
    """Events of one sign; NaN where there is none to measure.

    Args:
        found, true: whole events, which the recording does not cut off. hits: pairs, one to one.
        onset, area, depth, duration: medians over the pairs: size of the error of the onset (s); of the others, relative.
    """

    hits: int
    found: int
    true: int
    precision: float
    recall: float
    f1: float
    onset: float
    area: float
    depth: float
    duration: float

    @classmethod
    def of(cls, found: EventTable, true: EventTable) -> EventScore:
        pairs = match_events(found, true, OVERLAP)
        hits, count, asked = len(pairs.pairs), pairs.found, pairs.true
        errors = (pairs.onset, pairs.area - 1, pairs.depth - 1, pairs.duration - 1)
        onset, area, depth, duration = (float(np.median(np.abs(one))) if hits else np.nan for one in errors)
        shares = (
            hits / count if count else np.nan,
            hits / asked if asked else np.nan,
            2 * hits / (count + asked) if count + asked else np.nan,
        )
        return cls(hits, count, asked, *shares, onset, area, depth, duration)

    def show(self) -> str:
        counted = f"F1 {self.f1:.3f}   precision {self.precision:.3f}   recall {self.recall:.3f}   ({self.hits} pairs)"
        if not self.hits:
            return counted.replace("nan", "-")
        return f"{counted}   onset {self.onset:.2f} s, area {100 * self.area:.0f} %, depth {100 * self.depth:.0f} % off (medians)"


@dataclass(frozen=True)
class EventEvaluation:
    """Dips (downwards) and surges (upwards)."""

    dips: EventScore
    surges: EventScore

    @classmethod
    def of(cls, found: EventTable, true: EventTable) -> EventEvaluation:
        return cls(EventScore.of(found[found.dips], true[true.dips]), EventScore.of(found[~found.dips], true[~true.dips]))

    def rows(self) -> list[tuple[str, str]]:
        """(label, value), for tables."""
        both = (("dips", self.dips), ("surges", self.surges))
        return [(f"{kind}: {one.found} found, {one.true} true", one.show()) for kind, one in both if one.found or one.true]
