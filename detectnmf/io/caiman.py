"""CaImAn's memory maps: float32 without a header, the shape in the file's name, pixels in column-major order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Opened
from detectnmf.io.raw import RawArray, truncated

NAME = re.compile(r"_?d1_(\d+)_d2_(\d+)_d3_(\d+)_order_([CF])_frames_(\d+)")


def opens(path: Path) -> bool:
    """By the name: there is nothing else to know it by."""
    return path.is_file() and path.suffix.lower() == ".mmap"


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Order F has frame after frame, order C the course of one pixel after another's."""
    if dataset is not None:
        raise UserError(f"{path} holds one array; leave out dataset={dataset}")
    told = NAME.search(path.name)
    if told is None:
        raise UserError(f"{path}: its name must say its shape, as CaImAn writes it: NAME_d1_512_d2_512_d3_1_order_F_frames_1000_.mmap")
    rows, columns, planes, frames = (int(told[place]) for place in (1, 2, 3, 5))
    if not min(rows, columns, planes, frames):
        raise UserError(f"{path}: its name says a shape without pixels or frames; give it the name that CaImAn gave it")
    there, needed = path.stat().st_size, 4 * rows * columns * planes * frames
    if there > needed:
        raise UserError(f"{path} has {there} bytes, but its name says {needed}; give it the name that CaImAn gave it")
    frame_last = told[4] == "C"
    if there < needed:
        raise truncated(path, None if frame_last else there // (needed // frames), frames)
    shape = (planes, columns, rows, frames) if frame_last else (frames, planes, columns, rows)
    array = RawArray(path, 0, shape, np.dtype("<f4"))
    notes = ("CaImAn stored the course of each pixel in one piece (order C): reading frames takes longer.",) if frame_last else ()
    return Opened(array, "ZXYT" if frame_last else "TZXY", notes=notes)
