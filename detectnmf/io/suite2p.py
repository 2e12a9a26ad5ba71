"""suite2p's registered movies: int16 frames without a header; `ops.npy` beside them says their size, or the user does."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Opened, one_line, starts_with
from detectnmf.io.metadata import RATE_RANGE, within
from detectnmf.io.raw import RawArray, truncated

# What a pickle of numbers in a dict needs; anything else in it becomes a `_Left` that does nothing, so that no code is run.
HARMLESS = {
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


def opens(path: Path) -> bool:
    """By the name: there is nothing else to know it by."""
    return path.is_file() and path.suffix.lower() == ".bin"


def open_movie(path: Path, dataset: str | None, size: tuple[int, int] | None = None) -> Opened:
    """Frames of (Y, X) px; `size` wins over what ops.npy says."""
    if dataset is not None:
        raise UserError(f"{path} holds one movie; leave out dataset={dataset}")
    ops: dict[str, Any] = {}
    if size is None:
        ops = _ops(path.with_name("ops.npy"), path)
        try:
            size = int(ops["Ly"]), int(ops["Lx"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path.with_name('ops.npy')} does not say the size of a frame (Ly, Lx); give size=[512,512]") from error
    rows, columns = size
    if min(rows, columns) < 1:
        raise UserError(f"{path}: frames of {rows} × {columns} px cannot be; give size=[rows,columns]")
    frames, rest = divmod(path.stat().st_size, 2 * rows * columns)
    if rest:
        raise UserError(f"{truncated(path, frames)}; or its frames are not {rows} × {columns} px: give size=[rows,columns]")
    announced = ops.get("nframes")
    notes = (f"ops.npy says {announced} frames, the file holds {frames}; those were read.",) if announced not in (None, frames) else ()
    rate = ops.get("fs")
    hz = within(float(rate), RATE_RANGE) if isinstance(rate, (int, float, np.number)) else None
    return Opened(RawArray(path, 0, (frames, rows, columns), np.dtype("<i2")), "TYX", hz, None, notes)


def _ops(file: Path, movie: Path) -> dict[str, Any]:
    """The settings of suite2p, read without running any code that the file may hold."""
    if not file.is_file():
        raise UserError(f"{movie} does not say its size, and there is no ops.npy beside it; give size=[rows,columns], as in size=[512,512]")
    try:
        if not starts_with(file, b"\x93NUMPY"):
            raise ValueError("it is no .npy")
        with open(file, "rb") as stream:
            version = np.lib.format.read_magic(stream)
            read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            read_header(stream)
            held = _Careful(stream).load()
        ops = held.item() if isinstance(held, np.ndarray) else held
        if not isinstance(ops, dict):
            raise ValueError("it holds no settings")
        return ops
    except PermissionError:
        raise
    except Exception as error:  # whatever a damaged pickle may raise
        raise UserError(f"{file} cannot be read as suite2p wrote it ({one_line(error)}); give size=[rows,columns]") from error


class _Left:
    """Stands for an object that was not made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, value: Any) -> None: ...


class _Careful(pickle.Unpickler):
    """Makes numbers, arrays, texts, lists and dicts, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core.", "numpy._core.")  # its name before numpy 2
        return super().find_class(module, name) if (module, name) in HARMLESS else _Left
