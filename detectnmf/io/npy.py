"""numpy's own `.npy`, memory-mapped."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Opened, one_line, starts_with
from detectnmf.io.raw import RawArray


def opens(path: Path) -> bool:
    return path.is_file() and starts_with(path, b"\x93NUMPY")


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Open an array, any order; pickled objects are refused, since loading them runs code."""
    if dataset is not None:
        raise UserError(f"{path} holds one array; leave out dataset={dataset}")
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read_header(file)
            offset = file.tell()
    except (ValueError, TypeError, KeyError, EOFError, SyntaxError, TokenError) as error:
        raise UserError(f"{path} is damaged: its header cannot be read ({one_line(error)}); save it again with numpy.save") from error
    if dtype.hasobject:
        raise UserError(f"{path} holds pickled Python objects, not numbers; save the plain array again, as in numpy.save(path, movie)")
    return Opened(RawArray(path, offset, shape, dtype, "F" if fortran else "C"))
