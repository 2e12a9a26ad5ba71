"""TIFF, not compressed: ImageJ's own while the movie fits into it, else OME in a BigTIFF. Any program opens it, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from detectnmf.io.atomic import replacing as replacing
from detectnmf.recording import Recording
from detectnmf.simulate.write.base import Piece, size_in_bytes

SUFFIXES = (".tif", ".tiff")
IMAGEJ_LIMIT = 3_900_000_000  # bytes; ImageJ's own format is plain TIFF, which ends at 4 GiB
IMAGEJ_TYPES = ("uint8", "uint16", "float32")


def write_frames(recording: Recording, pieces: Iterator[Piece], part: Path) -> None:
    import tifffile

    frames = (frame for _, piece in pieces for frame in piece)
    # tifffile would guess the kind of file from its name, and a file that is being written has none yet
    with part.open("wb") as file:
        tifffile.imwrite(file, frames, shape=recording.shape, dtype=recording.dtype, photometric="minisblack", **layout(recording))


def layout(recording: Recording) -> dict[str, Any]:
    """The kind of TIFF, with rate and pixel size as it says them."""
    small = size_in_bytes(recording) < IMAGEJ_LIMIT
    return _imagej(recording) if small and recording.dtype.name in IMAGEJ_TYPES else _ome(recording)


def _imagej(recording: Recording) -> dict[str, Any]:
    return {
        "imagej": True,
        "resolution": (1 / recording.pixel_size, 1 / recording.pixel_size),
        "metadata": {"axes": "TYX", "unit": "um", "fps": recording.rate, "finterval": 1 / recording.rate},
    }


def _ome(recording: Recording) -> dict[str, Any]:
    edge = {f"PhysicalSize{axis}": recording.pixel_size for axis in "XY"}
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    time = {"TimeIncrement": 1 / recording.rate, "TimeIncrementUnit": "s"}
    return {"ome": True, "bigtiff": True, "metadata": {"axes": "TYX", **edge, **units, **time}}
