"""What is looked at: runs of consecutive frames, evenly spread, as many as the time allows; of very large frames a window."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass

import numpy as np

from detectnmf.recording import Recording

RUN = 64  # consecutive frames
RUN_BYTES = 2**28  # of them; of larger frames fewer, but not fewer than FEWEST
FEWEST = 16
WINDOW = 256  # px, edge of the part of the field that is kept
KEPT = 1024  # frames of the window that are kept
STEP_BYTES = 2**26  # of frames read at a time


@dataclass(frozen=True)
class Sample:
    """What was seen of a recording.

    Args:
        recording: of it all.
        index: (n,) frames that were looked at, ascending.
        mean, low, high: (n,) of the whole frame. spread: (n,) its standard deviation.
        missing: (n,) share of its pixels that are NaN, infinite or at the end of the type.
        repeat: (n,) True where a frame is equal, bit by bit, to the one before.
        average, lowest, highest: (Y, X) over the frames seen. top: (Y, X) how often a pixel is at the highest value of all.
        gaps: (Y, X) how often a pixel is NaN or infinite.
        window: rows and columns that were kept. runs: (first frame, (m, y, x) float32) of the window, in time's order.
        levels: how many different values stand in the first run, at most 65,536.
        seconds: how long reading took.
    """

    recording: Recording
    index: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    spread: np.ndarray
    missing: np.ndarray
    repeat: np.ndarray
    average: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    top: np.ndarray
    gaps: np.ndarray
    window: tuple[slice, slice]
    runs: tuple[tuple[int, np.ndarray], ...]
    levels: int
    seconds: float

    @property
    def all_frames(self) -> bool:
        return len(self.index) == len(self.recording)


def take(recording: Recording, seconds: float = 6.0, run: int = RUN) -> Sample:
    """Read runs in an order that covers the movie ever more finely, until all is read or the time is over, two at least."""
    frames, rows, columns = recording.shape
    window = _middle(rows), _middle(columns)
    run = min(run, max(FEWEST, RUN_BYTES // (rows * columns * recording.dtype.itemsize)))
    starts = _spread(range(0, frames, run))
    gathered: dict[str, list[np.ndarray]] = {name: [] for name in ("index", "mean", "low", "high", "spread", "missing", "repeat")}
    field = _Field(recording.size, recording.dtype)
    runs: list[tuple[int, np.ndarray]] = []
    levels, begun = 0, time.perf_counter()
    for number, start in enumerate(starts):
        if number >= 2 and time.perf_counter() - begun > seconds:
            break
        stop = min(start + run, frames)
        kept: list[np.ndarray] = []
        step = max(1, STEP_BYTES // (rows * columns * recording.dtype.itemsize))
        last: int | None = None
        for first in range(start, stop, step):
            piece = recording[first : min(first + step, stop)]
            digests = [zlib.crc32(frame.tobytes()) for frame in piece]
            gathered["repeat"].append(np.array([a == b for a, b in zip([last, *digests[:-1]], digests, strict=True)]))
            last = digests[-1]
            if not number:
                levels = max(levels, len(np.unique(piece[:, :: max(1, rows // 64), :: max(1, columns // 64)])))
            for name, values in field.add(piece).items():
                gathered[name].append(values)
            gathered["index"].append(np.arange(first, first + len(piece)))
            if sum(len(run) for _, run in runs) + sum(map(len, kept)) < KEPT:
                kept.append(piece[(slice(None), *window)].astype(np.float32))
        if kept:
            runs.append((start, np.concatenate(kept)))
    joined = {name: np.concatenate(values) for name, values in gathered.items()}
    order = np.argsort(joined["index"])
    return Sample(
        recording=recording,
        window=window,
        runs=tuple(sorted(runs, key=lambda run: run[0])),
        levels=levels,
        seconds=time.perf_counter() - begun,
        **{name: values[order] for name, values in joined.items()},
        **field.images(),
    )


class _Field:
    """Running sums and extremes of each pixel, and what each frame is like."""

    def __init__(self, size: tuple[int, int], dtype: np.dtype) -> None:
        self.floats = dtype.kind == "f"
        self.end = None if self.floats else np.iinfo(dtype).max
        self.total = np.zeros(size)
        self.count = np.zeros(size, np.int64)
        self.lowest, self.highest = np.full(size, np.inf), np.full(size, -np.inf)
        self.top = np.zeros(size, np.int64)
        self.best = -np.inf
        self.gaps = np.zeros(size, np.int64)

    def add(self, piece: np.ndarray) -> dict[str, np.ndarray]:
        """(n, Y, X) frames; returns (n,) of each frame: mean, low, high, spread, missing."""
        values = piece.astype(np.float32)
        if self.floats:
            there = np.isfinite(values)
            self.gaps += (~there).sum(axis=0)
            if not there.all():
                values = np.where(there, values, np.float32(0))
            share, weight = (~there).mean(axis=(1, 2)), there.sum(axis=(1, 2)).clip(1)
            least, most = np.where(there, values, np.inf), np.where(there, values, -np.inf)
        else:
            share = (piece == self.end).mean(axis=(1, 2))
            weight, there, least, most = np.full(len(piece), piece[0].size), None, values, values
        self.total += values.sum(axis=0, dtype=np.float64)
        self.count += len(piece) if there is None else there.sum(axis=0)
        self.lowest, self.highest = np.minimum(self.lowest, least.min(axis=0)), np.maximum(self.highest, most.max(axis=0))
        peak = float(most.max())
        if peak > self.best:
            self.best, self.top = peak, np.zeros_like(self.top)
        self.top += (most == self.best).sum(axis=0)
        mean = values.sum(axis=(1, 2), dtype=np.float64) / weight
        square = np.square(values, dtype=np.float64).sum(axis=(1, 2)) / weight
        low, high = least.min(axis=(1, 2)), most.max(axis=(1, 2))
        return {"mean": mean, "low": low, "high": high, "spread": np.sqrt(np.maximum(square - mean**2, 0)), "missing": share}

    def images(self) -> dict[str, np.ndarray]:
        average = self.total / self.count.clip(1)
        return {"average": average, "lowest": self.lowest, "highest": self.highest, "top": self.top, "gaps": self.gaps}


def _middle(side: int) -> slice:
    edge = min(side, WINDOW)
    return slice((side - edge) // 2, (side - edge) // 2 + edge)


def _spread(starts: range) -> list[int]:
    """First, last, middle, quarters, eighths: any number of the first ones lie evenly."""
    count = len(starts)
    bits = max(1, (count - 1).bit_length())
    turned = [int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits)]
    order = dict.fromkeys([0, count - 1, *(place for place in turned if place < count)])
    return [starts[place] for place in order]
