"""An `EventTable` as a group of a result file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectnmf.event_table import WORDS, EventTable

if TYPE_CHECKING:
    import h5py
    from scipy import sparse


def write_events(group: h5py.Group, events: EventTable) -> None:
    """All but the footprints; the courses one after the other."""
    for name, words in WORDS.items():
        group.create_dataset(name, data=getattr(events, name)).attrs["description"] = words
    length = np.array([len(course) for course in events.courses], np.int64)
    course = np.concatenate([np.zeros(0, np.float32), *events.courses])
    more = {
        "first": (events.first, "frame at which each course begins (events)"),
        "length": (length, "frames of each course (events)"),
        "course": (
            course,
            "change of each event's area relative to the baseline, one event after the other: course k has length[k] values",
        ),
    }
    for name, (values, words) in more.items():
        group.create_dataset(name, data=values).attrs["description"] = words


def read_events(group: h5py.Group, footprints: sparse.csc_array, size: tuple[int, int]) -> EventTable:
    """The way back."""
    columns = {name: group[name][()] for name in WORDS}
    ends = np.cumsum(group["length"][()])
    courses = tuple(np.split(group["course"][()], ends[:-1])) if len(ends) else ()
    return EventTable(**columns, footprints=footprints, courses=courses, first=group["first"][()], size=size)
