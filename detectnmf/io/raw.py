"""`RawArray`: an uncompressed array that lies in one piece in a file."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Index, one_line


@dataclass(frozen=True)
class RawArray:
    """Memory-mapped for each read anew: no handle stays open, and pages that were read do not count as used memory.

    Args:
        path: the file.
        offset: where the array begins (bytes).
        shape: of the array.
        dtype: with byte order.
        order: "C" or "F".

    Raises:
        UserError: the file ends before the array does.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    order: Literal["C", "F"] = "C"

    def __post_init__(self) -> None:
        there = self.path.stat().st_size - self.offset
        if there < self._bytes:
            whole = max(0, there) // (prod(self.shape[1:]) * self.dtype.itemsize) if self.order == "C" else None
            raise truncated(self.path, whole, self.shape[0])

    @property
    def _bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def __getitem__(self, index: Index) -> np.ndarray:
        if self.order == "F":
            return np.array(self._mapped(0, self.shape[0])[index])
        first, *rest = index
        if not isinstance(first, slice):
            at = range(self.shape[0])[first]
            return np.array(self._mapped(at, at + 1)[(0, *rest)])
        wanted = range(self.shape[0])[first]
        if not wanted:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *rest)]
        within = self._mapped(min(wanted), max(wanted) + 1)
        return np.array(within[(slice(None, None, wanted.step), *rest)])

    def _mapped(self, start: int, stop: int) -> np.ndarray:
        """This part of the first axis alone: for a whole file there may be no room.

        Raises:
            UserError: the file is no longer what it was.
            MemoryError: no room to map it.
        """
        offset = self.offset + start * prod(self.shape[1:]) * self.dtype.itemsize
        try:
            if (there := self.path.stat().st_size) < self.offset + self._bytes:
                raise ValueError(f"{there} bytes are left of it")
            return np.memmap(self.path, self.dtype, "r", offset, (stop - start, *self.shape[1:]), self.order)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOMEM:
                raise MemoryError(f"{self.path}: no room for {stop - start} of its frames") from error
            raise UserError(f"{self.path} cannot be read any more ({one_line(error)}); was it moved or cut since it was opened?") from error


def truncated(path: Path, whole: int | None, of: int | None = None) -> UserError:
    """The error for a file that ends too early, with the frames that are whole."""
    count = "" if whole is None else f": {whole} of {of} frames are whole" if of else f": {whole} frames are whole, the rest is missing"
    keep = ", or save the whole frames as a file of their own" if whole else ""
    return UserError(f"{path} is truncated{count}; copy it again from where it was recorded{keep}")
