"""`read`: any movie on disk as a `Recording`; what is known of it is settled here, once for all formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io import caiman, hdf5, isxd, npy, nwb, sbx, suite2p, tiff, video, zarr_store
from detectnmf.io.axes import Chosen, MovieView, lay_out
from detectnmf.io.base import Opened, Reader
from detectnmf.io.places import Place, find
from detectnmf.io.refusals import refuse
from detectnmf.io.series import open_series
from detectnmf.recording import Recording

READERS: tuple[Reader, ...] = (tiff, npy, nwb, hdf5, zarr_store, video, isxd, caiman, sbx, suite2p)  # those known by content first
DEFAULT_RATE = 30.0  # Hz
DEFAULT_PIXEL_SIZE = 1.0  # µm
DIFFERENT = 0.01  # relative; a rate that is given and one that is in the file may differ by so much without a word


def read(
    path: str | Path,
    rate: float | None = None,
    pixel_size: float | None = None,
    dataset: str | int | None = None,
    axes: str | None = None,
    channel: int | None = None,
    plane: int | None = None,
    size: Sequence[int] | None = None,
) -> Recording:
    """Open a movie lazily: metadata now, frames when they are asked for, values as they are in the file.

    Args:
        path: a TIFF (also ScanImage, OME), HDF5, NWB, zarr, .npy, a suite2p .bin, CaImAn .mmap, Inscopix .isxd, Scanbox .sbx or video;
            a folder of such or a pattern such as "trial_*.tif" (joined, 2 before 10).
        rate: Hz; wins over the file. pixel_size: µm; wins over the file.
        dataset: which array of an HDF5 or zarr file, which series of an NWB file, or which series of a TIFF (its number).
        axes: what the dimensions of the array mean when it is not T, Y, X, as in "YXT"; a number after a letter takes
            that index: "TC0YX" is the first channel.
        channel, plane: which of several, counted from 0.
        size: (Y, X) px of a suite2p .bin without its ops.npy.

    Raises:
        UserError: no such file, no movie, damaged, or not to be read as (T, Y, X); one line with the cure.
    """
    place, name = find(path), str(path)
    chosen = None if dataset is None else str(dataset)
    which = Chosen(channel, plane)
    try:
        opened, axes = _open(place, chosen, axes, name, which, size)
    except PermissionError as error:
        raise UserError(f"{error.filename or place.files[0]}: permission denied; you may not read it") from error
    layout = lay_out(tuple(opened.array.shape), opened.axes, axes, name, None if opened.starts else which, opened.channels)
    movie = MovieView(opened.array, layout)
    _check(movie, name)
    notes = [*opened.notes, *layout.notes]
    return Recording(
        frames=movie,
        rate=_settle("rate", rate, opened.rate, DEFAULT_RATE, "Hz", notes),
        pixel_size=_settle("pixel_size", pixel_size, opened.pixel_size, DEFAULT_PIXEL_SIZE, "µm/px", notes),
        name=place.name,
        path=str(Path(path).expanduser()),
        notes=tuple(notes),
        starts=opened.starts,
    )


def _open(
    place: Place, dataset: str | None, axes: str | None, name: str, chosen: Chosen, size: Sequence[int] | None
) -> tuple[Opened, str | None]:
    """The array and the axes that are still to be applied to it."""
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise UserError(f"size must be rows and columns (px), as in size=[512,512], got {list(size)}")

    def open_one(file: Path) -> Opened:
        for reader in READERS:
            if reader.opens(file):
                if size is None:
                    return reader.open_movie(file, dataset)
                if reader is not suite2p:
                    raise UserError(f"{file} says its own size; leave out size={list(size)}")
                return suite2p.open_movie(file, dataset, (int(size[0]), int(size[1])))
        raise refuse(file)

    if len(place.files) > 1:
        opened = open_series(place.files, open_one, axes, name, chosen)
        return opened, axes if opened.shared else None
    return open_one(place.files[0]), axes


def _check(movie: MovieView, name: str) -> None:
    kind = movie.dtype.kind
    if kind == "c":
        raise UserError(f"{name} holds complex numbers ({movie.dtype}); save their magnitude or their real part")
    if kind not in "iuf":
        raise UserError(f"{name} holds values of type {movie.dtype}, not numbers; save integers or floats")
    if min(movie.shape) < 1:
        raise UserError(f"{name} is empty: its shape is {movie.shape}; copy it again from where it was recorded")
    if movie.shape[0] == 1:
        rows, columns = movie.shape[1:]
        raise UserError(f"{name} holds a single image of {rows} × {columns} px; a movie needs frames: give a stack or a folder")


def _settle(key: str, given: float | None, found: float | None, default: float, unit: str, notes: list[str]) -> float:
    """The given value, else the file's, else the default; whatever was assumed or overruled becomes a note."""
    words = key.replace("_", " ")
    if given is not None:
        try:
            given = float(given)
        except (TypeError, ValueError):
            raise UserError(f"{key} must be a number in {unit}, got {given!r}") from None
        if not (np.isfinite(given) and given > 0):
            raise UserError(f"{key} must be above 0 {unit}, got {given:g}")
        if found is not None and abs(found / given - 1) > DIFFERENT:
            notes.append(f"The file says {found:.6g} {unit}; the given {key}={given:g} was used.")
        return given
    if found is not None:
        return float(f"{found:.9g}")  # 0.44, not 1 / (1 / 0.44)
    notes.append(f"No {'frame rate' if key == 'rate' else words} in the file: {default:g} {unit} assumed; give {key}=...")
    return default
