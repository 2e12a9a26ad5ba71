"""What a format of simulated movies is, and the frames on their way into one.

To add a format: write one module with `SUFFIXES`, `replacing` and `write_frames`, and name it in `write.FORMATS`. It takes the pieces
as they come and keeps none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.simulate.movie import BLOCK

Piece = tuple[slice, np.ndarray]  # which frames, and they: (n, Y, X)

CHUNK = 8 * 2**20  # bytes that are stored together, where a format has chunks
MOST = 8 * BLOCK  # frames in a piece: enough that blocks cut by its ends do not count
SHARE = 0.1  # of the memory, for two pieces: one is computed before the last one is let go


class Format(Protocol):
    """A module that writes one format."""

    @property
    def SUFFIXES(self) -> tuple[str, ...]:
        """Endings of names, in lower case."""

    def replacing(self, path: Path) -> AbstractContextManager[Path]:
        """Where to write; becomes `path` when the block ends well. Raises UserError where what is there is not to be replaced."""

    def write_frames(self, recording: Recording, pieces: Iterator[Piece], part: Path) -> None:
        """Write the pieces, which are all of the recording in its order, with its rate and pixel size."""


def size_in_bytes(recording: Recording) -> int:
    return recording.dtype.itemsize * prod(recording.shape)


def frames_in_chunk(recording: Recording) -> int:
    """How many whole frames make a chunk: blocks, or a whole part of a block where frames are large."""
    fit = max(1, CHUNK // (recording.dtype.itemsize * prod(recording.size)))
    return fit // BLOCK * BLOCK if fit >= BLOCK else max(n for n in range(1, fit + 1) if BLOCK % n == 0)


def frames_in_piece(recording: Recording, runtime: Runtime) -> int:
    """How many frames are computed at once: whole chunks and whole blocks, of which two pieces fit into the memory."""
    least = max(BLOCK, frames_in_chunk(recording))
    two = 2 * recording.dtype.itemsize * prod(recording.size) * least
    return least * max(1, min(int(SHARE * runtime.host_budget / two), MOST // least))


def attributes(recording: Recording) -> dict[str, Any]:
    """What a movie says of itself, under the names that `detectnmf.read` knows."""
    return {"rate": float(recording.rate), "pixel_size": float(recording.pixel_size), "units": "rate: Hz, pixel_size: µm"}


def computed(recording: Recording, runtime: Runtime) -> Iterator[Piece]:
    """All pieces in their order, each computed when it is asked for.

    Not ahead, in a thread: frames are computed on all cores, and to write them takes little beside that.
    """
    count = frames_in_piece(recording, runtime)
    for start in runtime.progress(range(0, len(recording), count), "simulate"):
        span = slice(start, min(start + count, len(recording)))
        yield span, recording[span]
