"""The estimated diameter against drawn discs."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.compressed import Compressed
from detectnmf.detect.diameter import estimate_diameter
from detectnmf.runtime import Runtime

QUIET = Runtime(device="cpu", max_memory=0.5, quiet=True)


def discs(diameter: float, size: tuple[int, int] = (120, 140), cells: int = 12) -> Compressed:
    """Each disc lights up alone in its own frame."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: size[0], : size[1]]
    images = []
    for _ in range(cells):
        row, column = rng.uniform(diameter, np.array(size) - diameter)
        distance = np.hypot(rows - row, columns - column)
        images.append(np.clip(diameter / 2 - distance + 0.5, 0, 1).ravel())
    temporal = np.zeros((cells, 3 * cells), np.float32)
    temporal[np.arange(cells), 3 * np.arange(cells) + 1] = rng.uniform(1, 2, cells)
    return Compressed.from_factors(np.array(images, np.float32).T, temporal, np.zeros(size, np.float32))


@pytest.mark.parametrize("diameter", [6.0, 10.0, 16.0, 26.0])
def test_discs(diameter: float) -> None:
    assert estimate_diameter(discs(diameter), QUIET) == pytest.approx(diameter, rel=0.12)


def test_no_event_no_estimate() -> None:
    empty = Compressed.from_factors(np.zeros((400, 0)), np.zeros((0, 50)), np.zeros((20, 20), np.float32))
    assert estimate_diameter(empty, QUIET) is None
