"""The time stamps that miniscopes write beside their videos: timeStamps.csv (V4), timestamp.dat (V3)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from detectnmf.io.metadata import from_interval

UNEVEN = 1.5  # times the usual interval: a frame was lost in between
LINES = 200_000  # that are looked at


def rate_beside(video: Path) -> tuple[float | None, tuple[str, ...]]:
    """Hz from the median interval of the time stamps, and what is to be told; (None, ()) where there are none."""
    for name, milliseconds, camera in (("timeStamps.csv", 1, None), ("timestamp.dat", 2, 0)):
        file = video.with_name(name)
        if not file.is_file():
            continue
        table = _numbers(file)
        if camera is not None and len(table) and len(np.unique(table[:, camera])) > 1:
            continue  # of several cameras, and nothing says which of them this one is
        if len(table) < 2 or table.shape[1] <= milliseconds:
            continue
        steps = np.diff(table[:, milliseconds])
        usual = float(np.median(steps))
        rate = from_interval(usual / 1000)
        if rate is None:
            continue
        lost = int((steps > UNEVEN * usual).sum())
        notes = (f"{lost} of {len(steps)} intervals in {name} are longer than usual: frames were dropped there.",) if lost else ()
        return rate, notes
    return None, ()


def _numbers(file: Path) -> np.ndarray:
    """(lines, columns) of all lines that hold as many numbers as the first such line."""
    rows: list[list[float]] = []
    with open(file, encoding="utf-8", errors="replace") as lines:
        for line, _ in zip(lines, range(LINES), strict=False):
            try:
                row = [float(word) for word in re.split(r"[,;\s]+", line.strip())]
            except ValueError:
                continue
            if not rows or len(row) == len(rows[0]):
                rows.append(row)
    return np.array(rows) if rows else np.zeros((0, 0))
