"""Segmented volumes: `open_labels` opens a TIFF, zarr or HDF5 file, `Labels` reads it block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError

BUDGET = 256 * 2**20  # bytes in memory at once
UNITS = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "micrometre", "\\u00b5m"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-3),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e3),
}
Size = tuple[float, float, float]


@dataclass(frozen=True)
class Labels:
    """A volume of cell numbers, 0 between cells.

    Args:
        array: (Z, Y, X) on disk; slices read it. chunks: (z, y, x) in which it is stored.
        voxel_size: z, y, x in µm; None if the file does not say.
    """

    array: Any
    chunks: tuple[int, int, int]
    voxel_size: Size | None

    def blocks(self, step: tuple[int, int, int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(n, 3) indices and (n,) labels of every step-th voxel that is not 0, one block after the other."""
        shape = self.array.shape
        row = shape[2] * np.dtype(self.array.dtype).itemsize
        deep = self.chunks[0] * max(1, BUDGET // (row * shape[1] * self.chunks[0]))
        wide = self.chunks[1] * max(1, BUDGET // (row * deep * self.chunks[1]))
        for z, y in product(range(0, shape[0], deep), range(0, shape[1], wide)):
            low = [start + (s // 2 - start) % s for start, s in zip((z, y, 0), step, strict=True)]
            block = np.asarray(self.array[z : z + deep, y : y + wide])
            block = block[low[0] - z :: step[0], low[1] - y :: step[1], low[2] :: step[2]]
            where = np.nonzero(block)
            yield np.stack(where, axis=1) * step + low, block[where]


@contextmanager
def open_labels(path: Path, dataset: str | None) -> Iterator[Labels]:
    """Open a label volume.

    Raises:
        UserError: no TIFF, zarr or HDF5, several arrays and none named, not three dimensions, not integers, or damaged.
    """
    try:
        with _opened(path, dataset) as labels:
            if len(labels.array.shape) != 3:
                raise UserError(f"{path}: a label volume has three dimensions (z, y, x), got {tuple(labels.array.shape)}")
            if np.dtype(labels.array.dtype).kind not in "iub":
                raise UserError(f"{path}: labels must be integers, one for each cell, got {labels.array.dtype}")
            yield labels
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())[:160]}); copy it again") from error


@contextmanager
def _opened(path: Path, dataset: str | None) -> Iterator[Labels]:
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(8)
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        import tifffile
        import zarr

        if dataset is not None:
            raise UserError(f"shapes.dataset={dataset}: {path} is a TIFF, which has no named arrays; leave it null")
        with tifffile.TiffFile(path) as tiff:
            array: Any = zarr.open(tiff.series[0].aszarr(), mode="r")
            yield Labels(array, _chunks(array), tiff_voxel(tiff))
    elif head == b"\x89HDF\r\n\x1a\n":
        import h5py

        with h5py.File(path, "r") as store:
            found: dict[str, Any] = {}
            store.visititems(lambda name, node: found.update({name: node} if isinstance(node, h5py.Dataset) else {}))
            array = found[_name(found, dataset, path)]
            yield Labels(array, _chunks(array), attribute_voxel(array.attrs))
    elif path.is_dir() and any((path / marker).is_file() for marker in ("zarr.json", ".zarray", ".zgroup")):
        import zarr

        node: Any = zarr.open(path, mode="r")
        if isinstance(node, zarr.Array):
            yield Labels(node, _chunks(node), attribute_voxel(node.attrs))
            return
        scales = node.attrs.get("ome", node.attrs).get("multiscales")
        if scales and dataset is None:  # OME-Zarr: the first level is the full size
            dataset = scales[0]["datasets"][0]["path"]
        found = {name: member for name, member in node.members(max_depth=None) if isinstance(member, zarr.Array)}
        array = found[_name(found, dataset, path)]
        yield Labels(array, _chunks(array), attribute_voxel(array.attrs) or (ome_voxel(scales[0], dataset) if scales else None))
    else:
        raise UserError(f"shapes.path={path} is neither TIFF nor zarr nor HDF5; give a segmented volume, one label for each cell")


def _chunks(array: Any) -> tuple[int, int, int]:
    chunks = array.chunks or (1, *array.shape[1:])
    return chunks if len(chunks) == 3 else (1, 1, 1)


def _name(found: Mapping[str, Any], dataset: str | None, path: Path) -> str:
    if dataset is not None:
        if dataset.strip("/") not in found:
            raise UserError(f"shapes.dataset={dataset} is not in {path}; it has {', '.join(found) or 'no array'}")
        return dataset.strip("/")
    volumes = [name for name, array in found.items() if len(array.shape) == 3]
    if len(volumes) != 1:
        raise UserError(f"{path} has {len(volumes)} arrays of three dimensions ({', '.join(volumes)}); name one with shapes.dataset")
    return volumes[0]


def attribute_voxel(attributes: Mapping[str, Any]) -> Size | None:
    """Voxel size (z, y, x, µm) from `element_size_um`, or from `resolution` or `voxel_size`, in nm unless `units` says otherwise."""
    for name, factor in (("element_size_um", 1.0), ("resolution", 1e-3), ("voxel_size", 1e-3)):
        if name not in attributes or np.size(attributes[name]) != 3:
            continue
        words = np.ravel(attributes.get("units", attributes.get("unit", "")))
        word = words[0].decode() if isinstance(words[0], bytes) else str(words[0])
        if name != "element_size_um" and word:
            if word.lower() not in UNITS:
                continue
            factor = UNITS[word.lower()]
        return _size([float(value) * factor for value in attributes[name]])
    return None


def ome_voxel(scale: Mapping[str, Any], dataset: str | None) -> Size | None:
    """Voxel size (z, y, x, µm) from OME-Zarr's coordinate transformations."""
    level: Mapping[str, Any] = next((entry for entry in scale["datasets"] if entry["path"] == dataset), {})
    steps = [list(t["scale"]) for t in level.get("coordinateTransformations", ()) if t.get("type") == "scale"]
    factors = [UNITS.get(str(axis.get("unit", "")).lower()) if isinstance(axis, dict) else None for axis in scale.get("axes", ())]
    if not steps or len(steps[0]) != 3 or len(factors) != 3 or None in factors:
        return None
    return _size([step * (factor or 0) for step, factor in zip(steps[0], factors, strict=True)])


def tiff_voxel(tiff: Any) -> Size | None:
    """Voxel size (z, y, x, µm) as OME or ImageJ state it."""
    import tifffile

    if tiff.is_ome:
        image = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]
        pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
        sizes = [
            float(pixels.get(f"PhysicalSize{axis}", 0)) * UNITS.get(str(pixels.get(f"PhysicalSize{axis}Unit", "µm")).lower(), 0)
            for axis in "ZYX"
        ]
        return _size(sizes)
    if tiff.is_imagej:
        about, tags = tiff.imagej_metadata or {}, tiff.pages[0].tags
        factor = UNITS.get(str(about.get("unit", "")).lower())
        if factor and "spacing" in about and "XResolution" in tags and "YResolution" in tags:
            y, x = (tags[name].value for name in ("YResolution", "XResolution"))
            return _size([about["spacing"] * factor, factor * y[1] / max(y[0], 1), factor * x[1] / max(x[0], 1)])
    return None


def _size(values: list[float]) -> Size | None:
    z, y, x = values
    return (z, y, x) if all(np.isfinite(value) and 1e-4 < value < 100 for value in values) else None
