"""`EventTable`: when, where and how strongly something happened. Truth and estimate are this one type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse

WORDS = {
    "onset": "when the event begins (s): the line through a quarter and three quarters of its rise, drawn back to 0",
    "peak": "when it is strongest (s)",
    "duration": "time at more than half of its strength (s)",
    "area": "where the change, averaged over that time, exceeds half of the depth (µm²)",
    "depth": "greatest change relative to the baseline; below 0 for a dip, above 0 for a surge",
    "row": "centre of that area, rows from the centre of the first pixel (px)",
    "column": "centre of that area, columns from the centre of the first pixel (px)",
    "drift_rows": "how far the centre moves while it lasts, downwards (µm)",
    "drift_columns": "how far the centre moves while it lasts, to the right (µm)",
    "evidence": "how sure it is: strength over noise in the event's own matched filter; 0 in a truth",
    "whole": "False where the recording begins or ends within the event",
}

WAY = 0.2  # of the depth, averaged over its duration, that an event has along its way


@dataclass(frozen=True)
class EventTable:
    """E events in the order of their onsets; each column is an (E,) array, as `WORDS` says.

    Args:
        footprints: (P, E) CSC float32, where each event is seen, averaged over its duration; maximum 1.
        courses: for each event its time course: change of its area's mean relative to the baseline.
        first: (E,) frame at which each course begins.
        size: (Y, X) px.
    """

    onset: np.ndarray
    peak: np.ndarray
    duration: np.ndarray
    area: np.ndarray
    depth: np.ndarray
    row: np.ndarray
    column: np.ndarray
    drift_rows: np.ndarray
    drift_columns: np.ndarray
    evidence: np.ndarray
    whole: np.ndarray
    footprints: sparse.csc_array
    courses: tuple[np.ndarray, ...]
    first: np.ndarray
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.onset)

    def __getitem__(self, index: slice | np.ndarray) -> EventTable:
        """The chosen events (slice, mask or integers)."""
        chosen = np.arange(len(self))[index]
        columns = {name: getattr(self, name)[chosen] for name in WORDS}
        courses = tuple(self.courses[k] for k in chosen)
        return EventTable(**columns, footprints=self.footprints[:, chosen], courses=courses, first=self.first[chosen], size=self.size)

    @classmethod
    def empty(cls, size: tuple[int, int]) -> EventTable:
        nothing = sparse.csc_array((size[0] * size[1], 0), dtype=np.float32)
        columns = {name: np.zeros(0, bool if name == "whole" else np.float32) for name in WORDS}
        return cls(**columns, footprints=nothing, courses=(), first=np.zeros(0, np.int64), size=size)

    @property
    def dips(self) -> np.ndarray:
        """(E,) True where the change is downwards."""
        return np.asarray(self.depth < 0)

    def csv(self) -> str:
        """The columns, one line per event."""
        lines = [",".join(["event", "kind", *WORDS])]
        for k in range(len(self)):
            values = [getattr(self, name)[k] for name in WORDS]
            shown = [str(value).lower() if isinstance(value, (bool, np.bool_)) else f"{value:.6g}" for value in values]
            lines.append(",".join([str(k), "dip" if self.depth[k] < 0 else "surge", *shown]))
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Described:
    """What one event is like; the columns of an `EventTable`, with its picture (Y, X), maximum 1, and its course."""

    values: dict[str, float]
    picture: np.ndarray
    course: np.ndarray


def describe(
    film: np.ndarray, hint: np.ndarray, rate: float, pixel_size: float, ends: tuple[bool, bool] = (False, False)
) -> Described | None:
    """Measure one event; None where nothing rises.

    Args:
        film: (n, h, w) change relative to the baseline, of this event alone. hint: (h, w) >= 0, about where it is.
        rate: Hz. pixel_size: µm. ends: whether the recording begins with the film, and ends with it.
    """
    area = hint > 0.5 * hint.max(initial=0)
    if not area.any():
        return None
    for _ in range(2):  # the area says when, when says the area
        course = film[:, area].mean(axis=1)
        strongest = int(np.abs(smooth(course)).argmax())
        sign = -1.0 if course[strongest] < 0 else 1.0
        lasts = around(sign * smooth(course), strongest)
        picture = sign * film[lasts].mean(axis=0)
        level = top(picture[area])
        if not level > 0:
            return None
        area = blob(picture > 0.5 * level, np.where(area, picture, -np.inf))
    course = film[:, area].mean(axis=1)
    rise = sign * smooth(course)
    strongest = lasts.start + int(rise[lasts].argmax())
    steep = rise / max(rise[strongest], 1e-12)
    quarter, three = crossing(steep, strongest, 0.25), crossing(steep, strongest, 0.75)
    begins, stops = crossing(steep, strongest, 0.5), crossing(steep, strongest, 0.5, 1)
    depth = (sign * course[lasts]).max() * top(picture[area]) / picture[area].mean()
    way = blob(picture > WAY * level, np.where(area, picture, -np.inf))  # an event that moves is seen for less time where it comes from
    centres = [centre(np.where(way, sign * film[part].mean(axis=0), 0)) for part in thirds(lasts)]
    row, column = centre(np.where(area, picture, 0))
    drift = (centres[1] - centres[0]) * pixel_size
    values = {
        "onset": ((quarter + three) / 2 - steepness(three - quarter) + 0.5) / rate,
        "peak": (strongest + 0.5) / rate,
        "duration": max(stops - begins, 1.0) / rate,
        "area": float(area.sum()) * pixel_size**2,
        "depth": float(sign * depth),
        "row": row,
        "column": column,
        "drift_rows": drift[0],
        "drift_columns": drift[1],
        "whole": not ((ends[0] and lasts.start == 0) or (ends[1] and lasts.stop == len(film))),
    }
    seen = np.where(area | (picture > 0.1 * level), np.maximum(picture, 0), 0)
    return Described(values, (seen / seen.max()).astype(np.float32), course.astype(np.float32))


def smooth(course: np.ndarray) -> np.ndarray:
    """Means of three frames, the middle one counted twice."""
    padded = np.pad(course, 1, mode="edge")
    return np.asarray((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4)


def steepness(width: float) -> float:
    """Frames from a quarter to three quarters of a rise, from those after `smooth`: of a step it makes one, of two and more the same."""
    return width if width >= 2 else 2 * float(np.sqrt(max(width - 1, 0)))


def around(course: np.ndarray, strongest: int) -> slice:
    """Frames about the strongest in which the course stays above half of it."""
    below = np.flatnonzero(course < 0.5 * course[strongest])
    before, after = below[below < strongest], below[below > strongest]
    return slice(int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(course))


def crossing(course: np.ndarray, start: int, level: float, step: int = -1) -> float:
    """Where (frames, interpolated) the course falls below a level, walking from `start`; the end where it does not."""
    place = start
    while 0 <= place + step < len(course):
        if course[place + step] < level:
            return place + step * (course[place] - level) / max(course[place] - course[place + step], 1e-12)
        place += step
    return place + 0.5 * step


def top(values: np.ndarray) -> float:
    """Mean of the strongest quarter."""
    return float(np.sort(values)[-max(1, len(values) // 4) :].mean())


def blob(mask: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """The connected part of a mask that holds the strongest pixel."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    return np.asarray(labels == labels.ravel()[strength.argmax()]) & mask


def centre(weights: np.ndarray) -> np.ndarray:
    """Row and column of the centre of mass; weights below 0 do not count."""
    weights = np.maximum(weights, 0)
    rows, columns = np.indices(weights.shape)
    total = max(weights.sum(), 1e-12)
    return np.array([(weights * rows).sum() / total, (weights * columns).sum() / total])


def thirds(lasts: slice) -> tuple[slice, slice]:
    """The first and the last third of some frames, at least one each."""
    length = max(1, (lasts.stop - lasts.start) // 3)
    return slice(lasts.start, lasts.start + length), slice(lasts.stop - length, lasts.stop)


def tabulate(found: list[tuple[Described, tuple[int, int], int, float]], size: tuple[int, int]) -> EventTable:
    """A table of described events in the order of their onsets.

    Args:
        found: for each what it is like, the first pixel (row, column) of its picture, the first frame of its course, and its evidence.
        size: (Y, X) px. What of a picture lies outside is left out.
    """
    if not found:
        return EventTable.empty(size)
    found = sorted(found, key=lambda one: one[0].values["onset"])
    table = {name: np.array([one.values.get(name, 0.0) for one, *_ in found]) for name in WORDS}
    corner = np.array([place for _, place, *_ in found])
    table["row"], table["column"] = table["row"] + corner[:, 0], table["column"] + corner[:, 1]
    table["evidence"] = np.array([sure for *_, sure in found])
    data, rows = [], []
    for one, (top_row, left), *_ in found:
        y, x = np.nonzero(one.picture)
        inside = (y + top_row >= 0) & (y + top_row < size[0]) & (x + left >= 0) & (x + left < size[1])
        y, x = y[inside], x[inside]
        data.append(one.picture[y, x])
        rows.append((y + top_row) * size[1] + x + left)
    indptr = np.cumsum([0, *map(len, rows)])
    footprints = sparse.csc_array((np.concatenate(data), np.concatenate(rows), indptr), shape=(size[0] * size[1], len(found)))
    columns = {name: values.astype(bool if name == "whole" else np.float32) for name, values in table.items()}
    return EventTable(
        **columns,
        footprints=footprints,
        courses=tuple(one.course for one, *_ in found),
        first=np.array([frame for *_, frame, _ in found], np.int64),
        size=size,
    )
