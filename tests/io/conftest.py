"""A small movie whose every value is another, and ways to cut files short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectnmf.result import DemixResult

from .results import small_result


@pytest.fixture(scope="session")
def movie() -> np.ndarray:
    """(T, Y, X) uint16; frame, row and column can be read off each value, and no two sides are equal."""
    frames, rows, columns = 12, 9, 7
    t, y, x = np.ogrid[:frames, :rows, :columns]
    return (5000 * t + 100 * y + x + 3).astype(np.uint16)


@pytest.fixture
def result() -> DemixResult:
    return small_result()


def same(recording, movie: np.ndarray) -> bool:
    """Whether a recording holds just these values, whichever way it is read."""
    assert recording.shape == movie.shape
    assert recording.dtype == movie.dtype
    pieces = np.concatenate([piece for _, piece in recording.chunks(5)])
    return (
        np.array_equal(pieces, movie)
        and np.array_equal(recording[3:8:2], movie[3:8:2])
        and np.array_equal(recording[::-4], movie[::-4])
        and np.array_equal(recording[-1], movie[-1])
        and recording[4:4].shape == (0, *movie.shape[1:])
        and recording[2:4].flags.writeable
    )


def cut(path: Path, share: float) -> Path:
    """A copy of a file that ends early."""
    content = path.read_bytes()
    shorter = path.with_name("cut_" + path.name)
    shorter.write_bytes(content[: int(len(content) * share)])
    return shorter
