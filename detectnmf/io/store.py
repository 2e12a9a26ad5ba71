"""`save_result`, `load_result`: a `DemixResult` as one HDF5 file (layout: docs/result-schema.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from detectnmf import __version__
from detectnmf.components import Components
from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing
from detectnmf.io.base import one_line
from detectnmf.io.event_store import read_events, write_events
from detectnmf.registration import WORDS as MOTION
from detectnmf.registration import Registration
from detectnmf.signals import USES, Signals
from detectnmf.signals import WORDS as SIGNALS

if TYPE_CHECKING:
    import h5py

    from detectnmf.compressed import Compressed
    from detectnmf.event_table import EventTable
    from detectnmf.result import DemixResult

FORMAT = "detectnmf"
SCHEMA = 4  # 1 had no /rejected, 2 no /traces, 3 no /registration, /events and /seeding
PIXEL_ORDER = "C (row-major)"
SPATIAL = ("U", "U_local")  # the sparse fields of `Compressed`
IMAGES = ("mean", "std", "bad_frames", "bad_pixels", "rank_map")  # its dense ones; V stands apart, it is a tensor
WORDS = {
    "footprints": "cell footprints (pixels, cells), CSC; the maximum of each is 1",
    "traces": "fluorescence of each cell (cells, frames), recording's units; footprints @ traces is the cells' movie",
    "score": "how sure the finder is of each cell, 0 to 1",
    "baseline": "static background (rows, columns), recording's units",
    "U": "spatial bases (pixels, rank), CSC, in units of noise; frame t = mean + std * (U @ V[:, t])",
    "U_local": "orthonormal spatial basis of each block before blending (pixels, rank), CSC",
    "V": "temporal bases (rank, frames)",
    "mean": "mean image (rows, columns), recording's units",
    "std": "noise level per pixel (rows, columns), recording's units",
    "bad_frames": "True where a frame was masked (frames)",
    "bad_pixels": "True where a pixel carries no signal (rows, columns)",
    "rank_map": "components kept at each pixel (rows, columns)",
}


def save_result(result: DemixResult, path: str | Path) -> None:
    """Write a result (or a truth) as one HDF5 file, whole or not at all.

    Raises:
        UserError: the place cannot be written to, or the disk is full.
    """
    import h5py

    # Put together in memory: HDF5 itself may crash on a full disk.
    with replacing(path) as part, h5py.File(part, "w", driver="core", backing_store=False) as file:
        file.attrs["format"] = FORMAT
        file.attrs["schema_version"] = SCHEMA
        file.attrs["detectnmf_version"] = __version__
        file.attrs["kind"] = str(result.provenance.get("kind", "result"))
        file.attrs["name"] = result.name
        file.attrs["rate"] = float(result.rate)
        file.attrs["pixel_size"] = float(result.pixel_size)
        file.attrs["units"] = "rate: Hz, pixel_size: µm"
        _write_cells(file.create_group("cells"), result.cells)
        _write(file, "baseline", result.baseline)
        if result.movie is not None:
            _write_movie(file.create_group("movie"), result.movie)
        _write_movie(file.create_group("background"), result.background, shared=result.movie)
        _write_cells(file.create_group("rejected"), result.rejected)
        if result.signals is not None:
            _write_signals(file.create_group("traces", track_order=True), result.signals)
        if result.registration is not None:
            _write_registration(file.create_group("registration", track_order=True), result.registration)
        if result.events is not None:
            group = file.create_group("events", track_order=True)
            write_events(group, result.events)
            _write_sparse(group, "footprints", result.events.footprints)
        tables = {
            "quality": result.quality,
            "rejected/quality": result.rejected_quality,
            "history": result.history,
            "seeding": result.seeding,
        }
        for name, table in tables.items():
            group = file.create_group(name, track_order=True)
            for key, values in table.items():
                _write(group, key, values)
        # a dataset, since an attribute may not exceed 64 kB
        file["provenance"] = json.dumps(_plain(result.provenance), ensure_ascii=False, indent=1)
        file.flush()
        part.write_bytes(file.id.get_file_image())


def load_result(path: str | Path) -> DemixResult:
    """Open what `save_result` wrote; a result folder stands for the result.h5 in it.

    Raises:
        UserError: missing, not HDF5, not written by detectnmf, of a newer schema, or truncated.
    """
    import h5py

    from detectnmf.result import DemixResult

    path = Path(path)
    if path.is_dir():
        path = path / "result.h5"
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a result.h5 or a truth.h5 that detectnmf wrote")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty; write it again")
    if not h5py.is_hdf5(path):
        raise UserError(f"{path} is not an HDF5 file; give a result.h5 or a truth.h5 that detectnmf wrote")
    try:
        with h5py.File(path, "r") as file:
            _check_ours(file, path)
            movie = _read_movie(file["movie"]) if "movie" in file else None
            rejected = file["rejected"] if int(file.attrs["schema_version"]) >= 2 else None
            return DemixResult(
                cells=_read_cells(file["cells"]),
                baseline=file["baseline"][()],
                background=_read_movie(file["background"], shared=movie),
                movie=movie,
                quality=dict(_read_table(file["quality"])),
                history=dict(_read_table(file["history"])),
                provenance=json.loads(file["provenance"].asstr()[()]),
                rate=float(file.attrs["rate"]),
                pixel_size=float(file.attrs["pixel_size"]),
                name=str(file.attrs["name"]),
                rejected=None if rejected is None else _read_cells(rejected),  # type: ignore[arg-type]
                rejected_quality={} if rejected is None else dict(_read_table(rejected["quality"])),
                seeding=dict(_read_table(file["seeding"])) if "seeding" in file else {},
                signals=_read_signals(file["traces"]) if "traces" in file else None,
                registration=_read_registration(file["registration"]) if "registration" in file else None,
                events=_read_events(file["events"], file["baseline"].shape) if "events" in file else None,
            )
    except PermissionError:
        raise UserError(f"{path}: permission denied; you may not read it") from None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = "truncated" if "truncated" in str(error) else "damaged"
        raise UserError(f"{path} is {reason} and cannot be read; write it again ({one_line(error)})") from error


def _check_ours(file: h5py.File, path: Path) -> None:
    if file.attrs.get("format") != FORMAT:
        raise UserError(f"{path} was not written by detectnmf; to read a movie from it use detectnmf.read")
    schema = int(file.attrs["schema_version"])
    if schema > SCHEMA:
        written = file.attrs.get("detectnmf_version", "a newer version")
        raise UserError(
            f"{path} has schema {schema} (detectnmf {written}), but this is detectnmf {__version__} with schema {SCHEMA}; upgrade detectnmf"
        )


def _write_cells(group: h5py.Group, cells: Components) -> None:
    group.attrs["size"] = cells.size
    group.attrs["pixel_order"] = PIXEL_ORDER
    _write_sparse(group, "footprints", cells.footprints)
    _write(group, "score", cells.score)
    if cells.traces is not None:
        _write(group, "traces", cells.traces)


def _read_cells(group: h5py.Group) -> Components:
    rows, columns = (int(side) for side in group.attrs["size"])
    traces = group["traces"][()] if "traces" in group else None
    return Components(_read_sparse(group["footprints"]), (rows, columns), traces, group["score"][()])


def _write_signals(group: h5py.Group, signals: Signals) -> None:
    group.attrs["method"] = json.dumps(_plain(signals.method), ensure_ascii=False)
    group.attrs["use"] = "; ".join(f"{name}: {use}" for name, use in USES.items())
    for name, words in SIGNALS.items():
        _write(group, name, getattr(signals, name), sparse_values=name == "spikes")
        group[name].attrs["description"] = words
        if name in USES:
            group[name].attrs["use"] = USES[name]


def _read_signals(group: h5py.Group) -> Signals:
    return Signals(**dict(_read_table(group)), method=json.loads(group.attrs["method"]))


def _write_registration(group: h5py.Group, registration: Registration) -> None:
    group.attrs["method"] = json.dumps(_plain(registration.method), ensure_ascii=False)
    for name, words in MOTION.items():
        _write(group, name, getattr(registration, name))
        group[name].attrs["description"] = words


def _read_registration(group: h5py.Group) -> Registration:
    return Registration(**dict(_read_table(group)), method=json.loads(group.attrs["method"]))


def _read_events(group: h5py.Group, size: tuple[int, ...]) -> EventTable:
    return read_events(group, _read_sparse(group["footprints"]), (int(size[0]), int(size[1])))


def _write_movie(group: h5py.Group, movie: Compressed, shared: Compressed | None = None) -> None:
    """Fields that are the very objects of `shared` become links to it: U is by far the largest."""
    import h5py

    group.attrs["size"] = movie.size
    group.attrs["pixel_order"] = PIXEL_ORDER
    group.attrs["name"] = movie.name
    group.attrs["rate"] = float(movie.rate)
    group.attrs["pixel_size"] = float(movie.pixel_size)
    group.attrs["missing"] = int(movie.missing)
    _write(group, "V", movie.V.detach().cpu().numpy())
    for name in SPATIAL + IMAGES:
        values = getattr(movie, name)
        if values is None:
            continue
        if shared is not None and values is getattr(shared, name):
            group[name] = h5py.SoftLink(f"/movie/{name}")
        elif name in SPATIAL:
            _write_sparse(group, name, values.csr)
        else:
            _write(group, name, values)


def _read_movie(group: h5py.Group, shared: Compressed | None = None) -> Compressed:
    import h5py
    import torch

    from detectnmf.compressed import Compressed
    from detectnmf.sparse import SparseMatrix

    fields: dict[str, Any] = {"V": torch.from_numpy(group["V"][()])}
    for name in SPATIAL + IMAGES:
        if name not in group:
            continue
        if shared is not None and isinstance(group.get(name, getlink=True), h5py.SoftLink):
            fields[name] = getattr(shared, name)
        elif name in SPATIAL:
            fields[name] = SparseMatrix(_read_sparse(group[name]))
        else:
            fields[name] = group[name][()]
    attributes = group.attrs
    fields["missing"] = int(attributes.get("missing", 0))
    return Compressed(**fields, rate=float(attributes["rate"]), pixel_size=float(attributes["pixel_size"]), name=str(attributes["name"]))


def _write_sparse(group: h5py.Group, name: str, matrix: sparse.sparray) -> None:
    columns = sparse.csc_array(matrix)
    inner = group.create_group(name)
    inner.attrs["shape"] = columns.shape
    inner.attrs["layout"] = "CSC: column j holds data[indptr[j]:indptr[j+1]] at rows indices[indptr[j]:indptr[j+1]]"
    inner.attrs["pixel_order"] = PIXEL_ORDER
    inner.attrs["description"] = WORDS[name]
    for part in ("data", "indices", "indptr"):
        _write(inner, part, getattr(columns, part))


def _read_sparse(group: h5py.Group) -> sparse.csc_array:
    rows, columns = (int(side) for side in group.attrs["shape"])
    matrix = sparse.csc_array((group["data"][()], group["indices"][()], group["indptr"][()]), shape=(rows, columns))
    matrix.check_format(full_check=True)  # scipy's compiled code trusts the indices, and a damaged file would crash Python
    return matrix


def _write(group: h5py.Group, name: str, values: object, sparse_values: bool = False) -> None:
    import h5py

    array = np.asarray(values)
    # indices, maps and zeros shrink many times over, other floats hardly at all
    shrinks = array.size > 64 and (sparse_values or array.dtype.kind in "iub")
    packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if shrinks else {}
    if array.dtype.kind == "U":
        dataset = group.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype())
    else:
        dataset = group.create_dataset(name, data=array, **packed)
    if name in WORDS:
        dataset.attrs["description"] = WORDS[name]


def _read_table(group: h5py.Group, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    import h5py

    for name, item in group.items():
        if isinstance(item, h5py.Group):  # a name with a slash in it
            yield from _read_table(item, f"{prefix}{name}/")
        elif h5py.check_string_dtype(item.dtype):
            yield prefix + name, np.asarray(item.asstr()[()], dtype=str)
        else:
            yield prefix + name, np.asarray(item[()])


def _plain(value: object) -> object:
    """The value in JSON's own types; tuples become lists, whatever JSON cannot say becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
