"""`PageStack`: the pages of a TIFF as one array, decoded when they are asked for."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Index, one_line

if TYPE_CHECKING:
    from tifffile import TiffFile


def damage() -> tuple[type[Exception], ...]:
    """What tifffile and its codecs raise on files that are not as they should be (the codecs' own errors derive from these)."""
    from tifffile import TiffFileError

    usual = (ValueError, IndexError, KeyError, TypeError, OSError, RuntimeError, ArithmeticError, AssertionError, EOFError)
    return (TiffFileError, struct.error, zlib.error, *usual)


@contextmanager
def quiet() -> Iterator[None]:
    """tifffile logs what it finds odd; what matters of it is told in our own words."""
    logger = logging.getLogger("tifffile")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*reading array from closed file")  # a set of files opens them in turn
            yield
    finally:
        logger.disabled = before


class PageStack:
    """Pages of one shape, arranged as leading + page; the file is opened at the first read and may be closed at any time.

    Args:
        path: the TIFF.
        series: index of tifffile's series that holds the pages; None takes all pages of the file in their order.
        leading: dimensions that number the pages, (T,) or (T, C).
        page: shape of one page, (Y, X).
        dtype: of the pixels.
        numbers: page of each index, in the shape of `leading`; None for all in their order.
    """

    def __init__(
        self,
        path: Path,
        series: int | None,
        leading: tuple[int, ...],
        page: tuple[int, ...],
        dtype: np.dtype,
        numbers: np.ndarray | None = None,
    ) -> None:
        self.path, self.series, self.leading, self.page, self.dtype = path, series, tuple(leading), tuple(page), np.dtype(dtype)
        self.numbers = numbers
        self.shape = (*self.leading, *self.page)
        self._tif: TiffFile | None = None
        self._close: weakref.finalize | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return PageStack, (self.path, self.series, self.leading, self.page, self.dtype, self.numbers)

    def __getitem__(self, index: Index) -> np.ndarray:
        numbers = np.arange(prod(self.leading)).reshape(self.leading) if self.numbers is None else self.numbers
        numbers = numbers[index[: len(self.leading)]]
        rest = index[len(self.leading) :]
        pages = self._read(numbers.ravel()) if numbers.size else np.zeros((0, *self.page), self.dtype)
        return pages.reshape(*numbers.shape, *self.page)[(slice(None),) * numbers.ndim + rest]

    def check_alike(self) -> None:
        """Raise when a page differs in size or type from the first; reads tags only."""
        with self._lock:
            pages = self._opened().pages
            first = pages.first.hash
            for number in np.unique(np.linspace(0, len(pages) - 1, 64).astype(int)):
                pages.useframes = False
                page = pages[int(number)]
                if page.hash != first:
                    raise UserError(
                        f"{self.path}: page {number} is {page.shape} {page.dtype}, but page 0 is {self.page} {self.dtype};"
                        " a movie's frames are alike: save the movie in a file of its own"
                    )

    def close(self) -> None:
        """Close the file until the next read."""
        with self._lock:
            if self._close is not None:
                self._close()
            self._tif = self._close = None

    def _opened(self) -> TiffFile:
        if self._tif is None:
            import tifffile

            self._tif = tifffile.TiffFile(self.path)
            self._close = weakref.finalize(self, self._tif.close)  # when the last reader is gone
        return self._tif

    def _read(self, numbers: np.ndarray) -> np.ndarray:
        first, last = int(numbers[0]), int(numbers[-1])
        steady = np.array_equal(numbers, np.arange(first, last + 1))
        key: Any = slice(first, last + 1) if steady else numbers.tolist()
        try:
            with self._lock, quiet():
                return np.asarray(self._opened().asarray(key=key, series=self.series))
        except damage() as error:
            if "imagecodecs" in str(error):
                raise UserError(f"{self.path}: {one_line(error)}; pip install imagecodecs, or save it uncompressed") from error
            where = f"frame {first}" if first == last else f"frames {first} to {last}"
            raise UserError(f"{self.path}: {where} cannot be decoded ({one_line(error)}); copy the file again") from error
