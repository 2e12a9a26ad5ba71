"""Simulated movies as files: a TIFF, and its truth beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.simulate.movie import BLOCK
from detectnmf.simulate.simulator import Simulated

IMAGEJ_LIMIT = 3_900_000_000  # bytes; ImageJ's own format is plain TIFF, which ends at 4 GiB
IMAGEJ_TYPES = ("uint8", "uint16", "float32")


def truth_path(path: str | Path) -> Path:
    """movie.tif -> movie.truth.h5."""
    return Path(path).with_suffix(".truth.h5")


def write(simulated: Simulated, path: str | Path, runtime: Runtime) -> Path:
    """Write the movie to `path` and its truth beside it, a piece at a time; gives the truth's path.

    Rate and pixel size stand in the metadata: ImageJ's where the movie fits, else OME in a BigTIFF. The movie appears only
    when both files are whole.

    Raises:
        UserError: not a .tif, no permission, or no space.
    """
    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise UserError(f"{path}: a simulated movie is written as .tif or .tiff; give it such a name")
    with replacing(path) as part:
        write_tiff(simulated.recording, part, runtime)
        simulated.truth.save(truth_path(path))
    return truth_path(path)


def write_tiff(recording: Recording, path: Path, runtime: Runtime) -> None:
    """Stream a recording into one TIFF."""
    import tifffile

    small = recording.dtype.itemsize * int(np.prod(recording.shape)) < IMAGEJ_LIMIT
    layout = _imagej(recording) if small and recording.dtype.name in IMAGEJ_TYPES else _ome(recording)
    # tifffile would guess the kind of file from its name, and a file that is being written has none yet
    with path.open("wb") as file:
        tifffile.imwrite(
            file, _frames(recording, runtime), shape=recording.shape, dtype=recording.dtype, photometric="minisblack", **layout
        )


def _frames(recording: Recording, runtime: Runtime) -> Iterator[np.ndarray]:
    """One frame after the other, computed in pieces of whole blocks."""
    rows, columns = recording.size
    blocks = runtime.batch(12 * rows * columns * BLOCK, most=16)
    starts = range(0, len(recording), blocks * BLOCK)
    for start in runtime.progress(starts, "simulate"):
        yield from recording[start : start + blocks * BLOCK]


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
