"""Simulated movies as files: the movie in the format that its name asks for, and its truth beside it.

Map: `tiff`, `zarr_store` and `hdf5` are the formats; `base` says what a format is, and computes the frames a piece at
a time.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulated
from detectnmf.simulate.write import hdf5, tiff, zarr_store
from detectnmf.simulate.write.base import Format, computed

FORMATS: tuple[Format, ...] = (tiff, zarr_store, hdf5)
SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.SUFFIXES)
ROOM = 1.01  # of the movie's size: its pages' tags and the like


def truth_path(path: str | Path) -> Path:
    """movie.tif -> movie.truth.h5."""
    return Path(path).with_suffix(".truth.h5")


def write(simulated: Simulated, path: str | Path, runtime: Runtime) -> Path:
    """Write the movie to `path` and its truth beside it, a piece at a time; gives the truth's path.

    The ending of `path` names the format: .tif, .tiff, .zarr, .h5, .hdf5. Rate and pixel size stand in the metadata. Movie and
    truth appear when both are whole; whatever stood there before stays until then.

    Raises:
        UserError: another ending; a file or folder that is not to be replaced; no permission or no space.
    """
    path = Path(path)
    form, beside = format_of(path), truth_path(path)
    with replacing(beside) as truth_part, form.replacing(path) as part:
        _save(simulated.truth, truth_part, beside)
        check_space(path, simulated.recording.shape, simulated.recording.dtype)  # with what the truth has left
        form.write_frames(simulated.recording, computed(simulated.recording, runtime), part)
    return beside


def format_of(path: Path) -> Format:
    """The format that the name asks for.

    Raises:
        UserError: it asks for none of ours.
    """
    for form in FORMATS:
        if path.suffix.lower() in form.SUFFIXES:
            return form
    known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    raise UserError(f"{path}: a simulated movie is written as {known}; give it such a name")


def check_space(path: Path, shape: tuple[int, int, int], dtype: np.dtype) -> None:
    """Raises UserError where a movie (T, Y, X), not compressed, is larger than what is free on the disk."""
    needed, disk = ROOM * int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize, shutil.disk_usage(path.parent)
    if disk.total and disk.free < needed:  # some network file systems tell nothing
        raise UserError(
            f"no space for {path}: {' × '.join(map(str, shape))} {np.dtype(dtype)} need {needed / 1e9:.3g} GB, and"
            f" {disk.free / 1e9:.3g} GB are free; free some, write elsewhere, or simulate fewer frames"
        )


@dataclass(frozen=True)
class Writer:
    """What `write` does, and beforehand whether it could."""

    def files(self, path: Path) -> tuple[Path, Path]:
        """The movie and its truth."""
        return path, truth_path(path)

    def check(self, path: Path, shape: tuple[int, int, int], dtype: np.dtype) -> None:
        """Raises UserError where the name asks for no format of ours, or the disk has no room for such a movie (T, Y, X)."""
        format_of(path)
        check_space(path, shape, dtype)

    def __call__(self, simulated: Simulated, path: Path, runtime: Runtime) -> Path:
        """Write both; gives the truth's path."""
        return write(simulated, path, runtime)


def _save(truth: DemixResult, part: Path, path: Path) -> None:
    try:
        truth.save(part)
    except UserError as error:
        raise UserError(str(error).replace(str(part), str(path))) from error
