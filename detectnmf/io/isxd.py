"""Inscopix `.isxd`: raw frames, then a text in JSON that says what they are, then the length of that text (Inscopix Data Processing)."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Index, Opened, one_line
from detectnmf.io.metadata import PIXEL_RANGE, from_interval, within
from detectnmf.io.raw import RawArray, truncated

TYPES: dict[int, np.dtype] = {0: np.dtype("<u2"), 1: np.dtype("<f4"), 2: np.dtype("u1")}
AROUND = 2560  # values before and after each frame, where there are such
LONGEST = 1 << 28  # bytes of text
MOVIE = 0


def opens(path: Path) -> bool:
    """By the text at the end, or by the name, so that one that was cut off can be told."""
    return path.is_file() and (path.suffix.lower() == ".isxd" or (_footer(path) or {}).get("spacingInfo") is not None)


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Frames that were dropped or cut out are not in the file, and are told."""
    if dataset is not None:
        raise UserError(f"{path} holds one movie; leave out dataset={dataset}")
    told = _footer(path)
    if told is None:
        raise truncated(path, None)
    try:
        if int(told.get("type", MOVIE)) != MOVIE:
            raise UserError(f"{path} is another file of Inscopix (cells or events), not a movie; give the movie")
        timing, spacing = told["timingInfo"], told["spacingInfo"]
        columns, rows = (int(spacing["numPixels"][axis]) for axis in "xy")
        times = int(timing["numTimes"])
        gone = {name: _indices(timing.get(name) or []) for name in ("dropped", "cropped", "blank")}
        dtype = TYPES[int(told["dataType"])]
        framed = AROUND if told.get("hasFrameHeaderFooter") else 0
        period, pixel = timing.get("period"), spacing.get("pixelSize", {}).get("x")
        seconds, microns = (value if value is None else _ratio(value) for value in (period, pixel))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise UserError(f"{path} is damaged: its footer cannot be read ({one_line(error)}); copy it again") from error
    if min(rows, columns) < 1:
        raise UserError(f"{path} is damaged: its footer says {rows} × {columns} px; copy it again")
    each = rows * columns + 2 * framed
    there = _content(path) // (each * dtype.itemsize)
    missing = len(gone["dropped"] | gone["cropped"])
    stored = next((n for n in (times, times - missing, times - missing - len(gone["blank"])) if n == there), None)
    if stored is None:
        raise truncated(path, min(there, times), times)
    lost = times - stored
    notes = (f"{lost} of {times} frames were dropped or cut out by Inscopix; the others follow each other as if there were no gap.",)
    array = _Frames(RawArray(path, 0, (stored, each), dtype), (rows, columns), framed)
    return Opened(array, "TYX", from_interval(seconds), within(microns, PIXEL_RANGE), notes if lost else ())


@dataclass(frozen=True)
class _Frames:
    """Frames without what stands before and after each."""

    raw: RawArray
    size: tuple[int, int]
    around: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.raw.shape[0], *self.size

    @property
    def dtype(self) -> np.dtype:
        return self.raw.dtype

    def __getitem__(self, index: Index) -> np.ndarray:
        flat = self.raw[index[0], self.around : self.raw.shape[1] - self.around]
        frames = flat.reshape(*flat.shape[:-1], *self.size)
        return np.asarray(frames[(*[slice(None)] * (frames.ndim - 2), *index[1:])])


def _footer(path: Path) -> dict[str, Any] | None:
    """The text at the end; None where there is none."""
    size = path.stat().st_size
    if size < 16:
        return None
    with open(path, "rb") as file:
        file.seek(size - 8)
        (length,) = struct.unpack("<Q", file.read(8))
        if not 2 <= length <= min(size - 9, LONGEST):
            return None
        file.seek(size - 9 - length)
        if (first := file.read(1)) != b"{":
            return None
        try:
            told = json.loads(first + file.read(length - 1))
        except ValueError:
            return None
    return told if isinstance(told, dict) else None


def _content(path: Path) -> int:
    """Bytes before the text."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(size - 8)
        return int(size - 9 - struct.unpack("<Q", file.read(8))[0])


def _indices(told: list[Any]) -> set[int]:
    """Single frames, and ranges [first, last]."""
    found: set[int] = set()
    for one in told:
        found |= set(range(int(one[0]), int(one[1]) + 1)) if isinstance(one, list) else {int(one)}
    return found


def _ratio(value: dict[str, Any]) -> float:
    return float(value["num"]) / float(value["den"])
