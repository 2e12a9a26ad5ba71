"""What a reader of one file format is.

To add a format: write one module with `opens` and `open_movie`, and name it in `reading.READERS`. `opens` looks
at the content (the first bytes), and at the name only where the content says nothing; `open_movie` reads metadata
only. What the axes mean, rates that contradict each other, pixel types and defaults are settled once, in `reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Index = tuple[slice | int, ...]


class LazyArray(Protocol):
    """An array on disk; indexing reads it, and drops the axes that are indexed by an integer."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __getitem__(self, index: Any, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Opened:
    """What a file holds, as the file tells it.

    Args:
        array: any number of dimensions, read on demand.
        axes: one letter for each dimension (T Z C Y X, S samples of a colour, I Q unnamed); "" when the file says nothing.
        rate: Hz, None when unknown. pixel_size: µm, None when unknown.
        notes: what the user should know, one sentence each.
        channels: what the channels (C, S) are called, in their order; () when the file says nothing.
        starts: first frame of each of several files after the first.
        shared: the files of a set of which this is a part, and from which the array reads; empty for a file of its own.
    """

    array: LazyArray
    axes: str = ""
    rate: float | None = None
    pixel_size: float | None = None
    notes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    shared: frozenset[str] = frozenset()


class Reader(Protocol):
    """A module that reads one format."""

    def opens(self, path: Path) -> bool:
        """Whether the content is of this format."""

    def open_movie(self, path: Path, dataset: str | None) -> Opened:
        """Open lazily; `dataset` names one of several arrays. Raises UserError for a damaged or unfit file."""


def starts_with(path: Path, *signatures: bytes) -> bool:
    """Whether the file begins with one of the signatures."""
    with open(path, "rb") as file:
        return file.read(max(map(len, signatures))).startswith(signatures)


def one_line(error: BaseException, most: int = 160) -> str:
    """What another library says of a damaged file, fit to stand in a message of one line."""
    text = " ".join(str(error).strip("'\"").split()) or type(error).__name__
    return text if len(text) <= most else text[: most - 3] + "..."
