"""Many files as one movie: one frame a file, or a recording that was split into parts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.axes import Chosen, MovieView, lay_out
from detectnmf.io.base import Index, LazyArray, Opened


def open_series(files: Sequence[Path], open_one: Callable[[Path], Opened], axes: str | None, name: str, chosen: Chosen) -> Opened:
    """Join the files in the given order; all must have the same size and type of pixels.

    Args:
        files: two or more.
        open_one: opens one of them.
        axes: of each file, as the user gave them. chosen: channel and plane.
        name: for messages.

    Raises:
        UserError: a file is no movie, is damaged, or differs from the first.
    """
    first = open_one(files[0])
    if first.shared:  # an OME set: its first file opens all of them
        strangers = [file for file in files if str(file.resolve()) not in first.shared]
        if strangers:
            raise UserError(f"{name}: {strangers[0].name} does not belong to the OME-TIFF set of {files[0].name}; give one set at a time")
        return first
    parts = [_Part(file, open_one, axes, first if file == files[0] else None, chosen) for file in files]
    lead = parts[0]
    for part in parts[1:]:
        if part.view.shape[1:] != lead.view.shape[1:] or part.view.dtype != lead.view.dtype:
            raise UserError(
                f"{name}: {part.file.name} is {_words(part)}, but {lead.file.name} is {_words(lead)}; all frames of a movie are alike:"
                " take out the odd files, or give a pattern that leaves them out"
            )
    joined = Joined([part.view for part in parts])
    count = f"{len(files)} files, {joined.shape[0]} frames, in the order {files[0].name} ... {files[-1].name}."
    own = [f"{part.file.name}: {note}" for part in parts[1:] for note in part.notes if note not in lead.notes]
    notes = (count, *lead.notes, *own[:MOST_NOTES])
    return Opened(joined, "TYX", first.rate, first.pixel_size, notes, starts=tuple(joined.starts[1:-1].tolist()))


MOST_NOTES = 5  # of later files that differ from the first one's


class _Part:
    """One file of the series as a movie, a single image as a movie of one frame."""

    def __init__(self, file: Path, open_one: Callable[[Path], Opened], axes: str | None, opened: Opened | None, chosen: Chosen) -> None:
        self.file = file
        opened = opened or open_one(file)
        array = opened.array
        if len(array.shape) == 2:
            opened = Opened(_Single(array), "TYX", opened.rate, opened.pixel_size, opened.notes)
            axes = None
        layout = lay_out(tuple(opened.array.shape), opened.axes, axes, str(file), chosen, opened.channels)
        self.view = MovieView(opened.array, layout)
        self.notes = opened.notes + layout.notes


class _Single:
    """An image (Y, X) as a movie of one frame."""

    def __init__(self, image: LazyArray) -> None:
        self.image = image
        self.shape = (1, *image.shape)
        self.dtype = image.dtype

    def __getitem__(self, index: Index) -> np.ndarray:
        whole = np.asarray(self.image[slice(None), slice(None)])
        return np.asarray(whole[None][index])

    def close(self) -> None:
        _close(self.image)


class Joined:
    """Movies one after the other as one; only the file read last stays open.

    Args:
        parts: each (n, Y, X), of equal size and type.
    """

    def __init__(self, parts: Sequence[MovieView]) -> None:
        self.parts = list(parts)
        self.starts = np.concatenate([[0], np.cumsum([part.shape[0] for part in parts])])
        self.shape = (int(self.starts[-1]), *parts[0].shape[1:])
        self.dtype = parts[0].dtype
        self._last: MovieView | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return Joined, (self.parts,)

    def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
        times = np.arange(self.shape[0])[index[0]]
        frames = np.empty((len(times), *self.shape[1:]), self.dtype)
        owners = np.searchsorted(self.starts, times, side="right") - 1
        with self._lock:
            for owner in np.unique(owners):
                mine = np.flatnonzero(owners == owner)
                local = times[mine] - self.starts[owner]
                step = int(local[1] - local[0]) if len(local) > 1 else 1
                frames[mine[0] : mine[-1] + 1] = self._part(int(owner))[int(local[0]) : int(local[-1]) + 1 : step]
        return frames[(slice(None), *index[1:])]

    def _part(self, owner: int) -> MovieView:
        part = self.parts[owner]
        if self._last is not None and self._last is not part:
            _close(self._last.array)
        self._last = part
        return part


def _close(array: LazyArray) -> None:
    close = getattr(array, "close", None)  # of those that keep their file open
    if close is not None:
        close()


def _words(part: _Part) -> str:
    rows, columns = part.view.shape[1:]
    return f"{rows} × {columns} {part.view.dtype}"
