"""The estimated diameter against drawn discs."""

from __future__ import annotations

from dataclasses import replace

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


def test_what_shines_dimly_over_little_noise_counts_little() -> None:
    """Few photons: wide and dim things stand as far above the noise as small and bright ones, which have ten times as many."""
    rows, columns = np.mgrid[:160, :240]
    middles = [(row, column) for row in (20, 60, 100, 140) for column in (20, 60, 110, 160, 210)]
    widths = [3.0 if column <= 60 else 8.0 for _, column in middles]  # px, standard deviations of 8 small ones and 12 wide ones
    images = [np.exp(-(np.hypot(rows - y, columns - x) ** 2) / (2 * sd**2)) for (y, x), sd in zip(middles, widths, strict=True)]
    temporal = np.kron(np.eye(len(middles)), [0, 1, 0])
    movie = Compressed.from_factors(np.reshape(images, (len(images), -1)).T, temporal, np.zeros(rows.shape, np.float32))
    assert estimate_diameter(movie, QUIET) == pytest.approx(2 * np.sqrt(2) * 8, rel=0.12)
    bright = replace(movie, std=np.where(columns < 80, 10, 1).astype(np.float32))
    assert estimate_diameter(bright, QUIET) == pytest.approx(2 * np.sqrt(2) * 3, rel=0.12)


def test_no_event_no_estimate() -> None:
    empty = Compressed.from_factors(np.zeros((400, 0)), np.zeros((0, 50)), np.zeros((20, 20), np.float32))
    assert estimate_diameter(empty, QUIET) is None
