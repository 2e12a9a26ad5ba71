"""HDF5 datasets (also MATLAB 7.3)."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.axes import letters
from detectnmf.io.base import Index, Opened, one_line
from detectnmf.io.choose import choose
from detectnmf.io.metadata import from_attributes

if TYPE_CHECKING:
    import h5py


def opens(path: Path) -> bool:
    if not path.is_file():
        return False
    import h5py

    return bool(h5py.is_hdf5(path))


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Open the named dataset, or the only one that can be a movie."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") == "detectnmf":
                raise UserError(f"{path} is a result of detectnmf, not a movie; open it with detectnmf.load")
            name, notes = _choose(file, dataset, path)
            found = file[name]
            check_filters(found, path)
            rate, pixel_size = from_attributes(_attributes(found))
            axes = _axes(found)
            if not axes and "MATLAB_class" in found.attrs and len(found.shape) == 3:
                axes = "TXY"
                notes = (*notes, "MATLAB stored the array as Y × X × T; if it is another order, give axes=, with the dimensions reversed.")
            return Opened(Hdf5Array(path, name, found.shape, found.dtype), axes, rate, pixel_size, notes)
    except PermissionError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        if "unable to lock" in str(error):
            raise UserError(f"{path} is in use by another program; close it there") from error
        reason = "truncated" if "truncated" in str(error) else "damaged"
        raise UserError(f"{path} is {reason} and cannot be opened as HDF5; copy it again ({one_line(error)})") from error


class Hdf5Array:
    """A dataset that opens its file when first read, so that it can be copied to another process.

    Args:
        path: the file. name: the dataset in it.
        shape: of the dataset. dtype: of the dataset.
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.name, self.shape, self.dtype = path, name, tuple(shape), np.dtype(dtype)
        self._file: h5py.File | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Hdf5Array, (self.path, self.name, self.shape, self.dtype)

    def close(self) -> None:
        """Close the file until the next read."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def __getitem__(self, index: Index) -> np.ndarray:
        import h5py

        with self._lock:
            try:
                if self._file is None:
                    self._file = h5py.File(self.path, "r")
                return np.asarray(self._file[self.name][index])
            except (OSError, RuntimeError, ValueError, KeyError) as error:
                raise UserError(f"{self.path}: {self.name} cannot be read ({one_line(error)}); copy the file again") from error


def _choose(file: h5py.File, dataset: str | None, path: Path) -> tuple[str, tuple[str, ...]]:
    import h5py

    found: dict[str, Any] = {}

    def gather(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    file.visititems(gather)
    return choose(found, dataset, path)


def check_filters(dataset: h5py.Dataset, path: Path) -> None:
    """Raises UserError where the dataset is compressed in a way that cannot be undone here."""
    import h5py

    if dataset.chunks is None:
        return
    with suppress(ImportError):  # its import makes further compressions known
        importlib.import_module("hdf5plugin")
    plan = dataset.id.get_create_plist()
    for number in range(plan.get_nfilters()):
        code, _, _, name = plan.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            words = name.decode(errors="replace") or f"number {code}"
            raise UserError(f"{path}: {dataset.name} is compressed with {words}, which h5py cannot undo here; pip install hdf5plugin")


def _attributes(dataset: h5py.Dataset) -> Mapping[str, Any]:
    """Attributes of the dataset, then of the groups above it, then small datasets beside it; the nearest wins."""
    import h5py

    gathered: dict[str, Any] = {}
    group = dataset.parent
    while True:
        for name, item in group.items():
            if isinstance(item, h5py.Dataset) and item.size == 1 and item.dtype.kind in "iuf":
                gathered.setdefault(name, item[()])
        gathered = {**dict(group.attrs), **gathered}
        if group.name == "/":
            break
        group = group.parent
    return {**gathered, **dict(dataset.attrs)}


def _axes(dataset: h5py.Dataset) -> str:
    return letters([dimension.label for dimension in dataset.dims])
