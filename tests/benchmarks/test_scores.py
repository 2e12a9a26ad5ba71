"""Scores among bright cells."""

from __future__ import annotations

import numpy as np
import pytest
from common import score

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult

FRAMES = 50


@pytest.fixture
def truth() -> DemixResult:
    """Three squares side by side; the last one is dim."""
    images = np.zeros((3, 8, 24), np.float32)
    for cell in range(3):
        images[cell, 2:6, 8 * cell + 2 : 8 * cell + 6] = 1
    traces = np.random.default_rng(0).random((3, FRAMES)).astype(np.float32)
    return result(images, traces, {"snr": np.array([10.0, 5.0, 2.0])})


def result(images: np.ndarray, traces: np.ndarray, quality: dict) -> DemixResult:
    size = images.shape[1:]
    nothing = Compressed.from_factors(np.zeros((size[0] * size[1], 0)), np.zeros((0, FRAMES)), np.zeros(size))
    return DemixResult(Components.from_images(images, traces), np.zeros(size, np.float32), nothing, quality=quality)


@pytest.mark.parametrize(
    ("found", "f1", "bright"),
    [
        ([0, 1, 2], 1.0, 1.0),  # all
        ([0, 1], 0.8, 1.0),  # the dim one is not asked for
        ([0, 2], 0.8, 2 / 3),  # nor is it a mistake to find it
        ([2], 0.5, 0.0),
    ],
)
def test_a_dim_cell_is_neither_asked_for_nor_a_mistake(truth, found, f1, bright):
    scores = score(result(truth.cells.images()[found], truth.cells.traces[found], {}), truth)
    assert scores["f1"] == pytest.approx(f1)
    assert scores["f1_bright"] == pytest.approx(bright)
    assert scores["recovery_bright"] == pytest.approx(len({0, 1} & set(found)) / 2)
    assert np.isnan(scores["raw"])  # there is no movie to project


def test_what_is_nowhere_is_a_mistake_among_bright_cells_too(truth):
    images = np.concatenate([truth.cells.images()[:2], np.zeros((1, 8, 24), np.float32)])
    images[2, 0, :] = 1
    scores = score(result(images, truth.cells.traces, {}), truth)
    assert scores["false"] == 1
    assert scores["f1_bright"] == pytest.approx(4 / 5)
