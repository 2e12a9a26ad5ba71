"""`Recording`: a movie on disk or in memory, read lazily, with its rate and pixel size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from detectnmf.errors import UserError


@runtime_checkable
class Frames(Protocol):
    """Anything that gives frames by slices of time: a numpy array, an HDF5 dataset, a zarr array, our TIFF reader."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # (T, Y, X)
    @property
    def dtype(self) -> np.dtype: ...
    def __getitem__(self, index: slice, /) -> np.ndarray: ...  # (n, Y, X)


@dataclass(frozen=True)
class Recording:
    """A movie (T, Y, X) in its own units, read only when frames are asked for.

    Args:
        frames: source of frames, sliced by time.
        rate: frames per second (Hz).
        pixel_size: edge of a pixel (µm).
        name: for titles and result folders.
        path: where it came from; None for a movie in memory.
        bad_frames: (T,) True where a frame is known to be bad.
        bad_pixels: (Y, X) True where a pixel is known to be bad.
        notes: what was assumed or repaired on reading, one sentence each.
        starts: first frame of each file after the first, where a movie lies in several: there it may jump.

    Raises:
        UserError: the movie is not (T, Y, X), or rate or pixel size is not above 0.
    """

    frames: Frames
    rate: float = 30.0
    pixel_size: float = 1.0
    name: str = "movie"
    path: str | None = None
    bad_frames: np.ndarray | None = None
    bad_pixels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        shape = tuple(self.frames.shape)
        if len(shape) == 2:
            raise UserError(f"{self.name}: a movie must be (T, Y, X), got {shape}; a single image? pass frames[None]")
        if len(shape) != 3 or min(shape) < 1:
            raise UserError(f"{self.name}: a movie must be (T, Y, X), got {shape}")
        for key, value in (("rate", self.rate), ("pixel_size", self.pixel_size)):
            if not (np.isfinite(value) and value > 0):
                raise UserError(f"{self.name}: {key} must be above 0, got {value}")

    @property
    def shape(self) -> tuple[int, int, int]:
        t, y, x = self.frames.shape
        return int(t), int(y), int(x)

    @property
    def size(self) -> tuple[int, int]:
        return self.shape[1:]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.frames.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice) -> np.ndarray:
        if isinstance(index, slice):
            return np.asarray(self.frames[index])
        index = range(len(self))[index]
        return np.asarray(self.frames[index : index + 1])[0]

    def chunks(self, frames: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Consecutive pieces of at most `frames` frames, in the movie's own dtype."""
        for start in range(0, len(self), frames):
            piece = slice(start, min(start + frames, len(self)))
            yield piece, self[piece]
