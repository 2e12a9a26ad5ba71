"""NWB, read as HDF5: the imaging series of a file, its rate, its pixel size; frames are columns × rows (NWB schema, ImageSeries)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io import hdf5
from detectnmf.io.base import Opened, one_line
from detectnmf.io.choose import choose
from detectnmf.io.metadata import PIXEL_RANGE, RATE_RANGE, from_interval, microns, within

if TYPE_CHECKING:
    import h5py

KINDS = ("TwoPhotonSeries", "OnePhotonSeries", "ImageSeries")
TURNED = "NWB stores frames as columns × rows, and so they were read; if rows and columns are swapped here, give axes=TYX."
UNEVEN = 0.05  # of the usual interval; more is told
TIMES = 100_000  # time stamps that are looked at


def opens(path: Path) -> bool:
    if not hdf5.opens(path):
        return False
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "nwb_version" in file.attrs
    except OSError:  # damaged: the reader of HDF5 says how
        return False


def open_movie(path: Path, dataset: str | None) -> Opened:
    """The named series (`dataset=acquisition/TwoPhotonSeries`, or its last word), or the only one that can be a movie."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            series = _series(file)
            name, notes = _choose(series, dataset, path)
            found = series[name]
            data = found["data"]
            hdf5.check_filters(data, path)
            axes = {3: "TXY", 4: "TXYZ"}.get(data.ndim, "")
            rate, said = _rate(found, len(data))
            array = hdf5.Hdf5Array(path, f"{name}/data", data.shape, data.dtype)
            return Opened(array, axes, rate, _pixel_size(found), (*notes, *said, TURNED))
    except PermissionError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged and cannot be opened as NWB; copy it again ({one_line(error)})") from error


def _series(file: h5py.File) -> dict[str, Any]:
    import h5py

    found: dict[str, Any] = {}

    def gather(name: str, item: object) -> None:
        if isinstance(item, h5py.Group) and _text(item.attrs.get("neurodata_type")) in KINDS:
            found[name] = item

    file.visititems(gather)
    return found


def _choose(series: dict[str, Any], dataset: str | None, path: Path) -> tuple[str, tuple[str, ...]]:
    inside = {name: group["data"] for name, group in series.items() if "data" in group and len(group["data"].shape) >= 3}
    outside = {name: group["external_file"] for name, group in series.items() if "external_file" in group}
    if not inside and outside:
        files = [_text(one) for files in outside.values() for one in np.ravel(files[()])]
        raise UserError(f"{path} holds no frames but names the files that do: {', '.join(files[:3])}; give those")
    if dataset is not None:
        wanted = str(dataset).strip("/").removesuffix("/data")
        ends = [name for name in inside if name == wanted or name.endswith(f"/{wanted}")]
        dataset = ends[0] if len(ends) == 1 else wanted
    if not inside:
        raise UserError(f"{path} is NWB without an imaging series ({', '.join(KINDS)}); give the file that holds the movie")
    return choose(inside, dataset, path)


def _rate(series: h5py.Group, frames: int) -> tuple[float | None, tuple[str, ...]]:
    """Hz from the rate that is given, else from time stamps."""
    if "starting_time" in series:
        return within(float(series["starting_time"].attrs.get("rate", np.nan)), RATE_RANGE), ()
    if "timestamps" not in series or len(series["timestamps"]) < 2:
        return None, ()
    steps = np.diff(np.asarray(series["timestamps"][:TIMES], float))
    usual = float(np.median(steps))
    odd = int((np.abs(steps - usual) > UNEVEN * abs(usual)).sum())
    told = f"{odd} of {len(steps)} frames do not follow at the usual interval of {usual:.4g} s; they were read as if they did."
    return from_interval(usual), (told,) if odd else ()


def _pixel_size(series: h5py.Group) -> float | None:
    """µm from the imaging plane."""
    plane = series.get("imaging_plane")
    spacing = None if plane is None else plane.get("grid_spacing")
    if spacing is None or not np.size(spacing):
        return None
    unit = _text(spacing.attrs.get("unit", "meters")).rstrip("s")
    return within(microns(float(np.ravel(spacing[()])[0]), unit), PIXEL_RANGE)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
