"""zarr arrays and groups, format 2 and 3, with the axes and scales of OME-Zarr and xarray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.axes import letters
from detectnmf.io.base import Index, Opened, one_line
from detectnmf.io.choose import choose
from detectnmf.io.metadata import PIXEL_RANGE, from_attributes, from_interval, microns, seconds, within

if TYPE_CHECKING:
    import zarr

MARKERS = ("zarr.json", ".zarray", ".zgroup")


def opens(path: Path) -> bool:
    return path.is_dir() and any((path / marker).is_file() for marker in MARKERS)


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Open an array, or the named (else the full-size OME, else the only) array of a group."""
    import zarr

    try:
        node: Any = zarr.open(path, mode="r")
        if not isinstance(node, zarr.Array):
            return _from_group(node, dataset, path)
        if dataset is not None:
            raise UserError(f"{path} is a single zarr array; leave out dataset={dataset}")
        return _opened(node, path, {}, Opened(ZarrArray(node, path)))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"{path} cannot be opened as zarr ({one_line(error)}); copy it again") from error


class ZarrArray:
    """A zarr array whose errors name the file."""

    def __init__(self, array: Any, path: Path) -> None:
        self.array, self.path = array, path
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, index: Index) -> np.ndarray:
        try:
            return np.asarray(self.array[index])
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"{self.path} cannot be read ({one_line(error)}); copy it again") from error


def _from_group(group: zarr.Group, dataset: str | None, path: Path) -> Opened:
    import zarr

    attributes: dict[str, Any] = dict(group.attrs)
    scales = attributes.get("ome", attributes).get("multiscales")
    if scales and dataset is None:  # OME-Zarr: the first level is the full size
        level = scales[0]["datasets"][0]
        array = ZarrArray(group[level["path"]], path)
        return _opened(array.array, path, attributes, _ome(scales[0].get("axes", ()), level.get("coordinateTransformations", ()), array))
    found: dict[str, Any] = {name: node for name, node in group.members(max_depth=None) if isinstance(node, zarr.Array)}
    name, notes = choose(found, dataset, path)
    return _opened(found[name], path, attributes, Opened(ZarrArray(found[name], path), notes=notes))


def _opened(array: Any, path: Path, attributes: Mapping[str, Any], told: Opened) -> Opened:
    """What is told elsewhere, completed by the array's own attributes; chunks that are not there become a note."""
    rate, pixel_size = from_attributes({**attributes, **dict(array.attrs)})
    missing = array.nchunks - array.nchunks_initialized
    absent = (f"{missing} of {array.nchunks} chunks are not in the zarr store and were read as {array.fill_value}.",) if missing else ()
    return Opened(ZarrArray(array, path), told.axes or _axes(array), told.rate or rate, told.pixel_size or pixel_size, told.notes + absent)


def _ome(axes: Sequence[Any], transformations: Sequence[Mapping[str, Any]], array: ZarrArray) -> Opened:
    """Letters, Hz and µm from OME-Zarr's axes and scale."""
    names = [axis["name"] if isinstance(axis, Mapping) else str(axis) for axis in axes]
    units = [axis.get("unit", "") if isinstance(axis, Mapping) else "" for axis in axes]
    scale = next((list(change["scale"]) for change in transformations if change.get("type") == "scale"), [])
    step = {name.lower(): (size, unit) for name, unit, size in zip(names, units, scale, strict=False) if size and unit}
    rate = from_interval(seconds(*step["t"])) if "t" in step else None
    pixel_size = within(microns(*step["x"]), PIXEL_RANGE) if "x" in step else None
    return Opened(array, letters(names), rate, pixel_size)


def _axes(array: Any) -> str:
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    return letters([str(name) for name in names])
