"""The baselines on a movie of two cells that are known."""

from __future__ import annotations

import numpy as np
import pytest
from baselines import nmf, pca_ica, principal

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.judge.evaluate import evaluate
from detectnmf.result import DemixResult

SIZE, FRAMES = (16, 24), 400


@pytest.fixture(scope="module")
def two_cells() -> DemixResult:
    """Two overlapping discs that fire independently, on a resting level; the truth holds the movie, without noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    images = np.stack([np.exp(-((rows - 8) ** 2 + (columns - x) ** 2) / 18) for x in (8, 15)])
    images[images < 0.1] = 0
    spikes = (rng.random((2, FRAMES)) < 0.03) * rng.uniform(0.5, 1.5, (2, FRAMES))
    traces = np.stack([np.convolve(row, np.exp(-np.arange(60) / 6))[:FRAMES] for row in spikes])
    U = images.reshape(2, -1).T
    movie = Compressed.from_factors(U, 10 * (traces - traces.mean(1, keepdims=True)), 100 + (U @ (10 * traces.mean(1))).reshape(SIZE))
    nothing = Compressed.from_factors(np.zeros((U.shape[0], 0)), np.zeros((0, FRAMES)), np.zeros(SIZE))
    truth = Components.from_images(images.astype(np.float32), 10 * traces)
    return DemixResult(truth, np.full(SIZE, 100, np.float32), nothing, movie=movie)


def test_principal_components_are_those_of_the_dense_movie():
    rng = np.random.default_rng(1)
    U, V = rng.standard_normal((30, 5)), rng.standard_normal((5, 80)) + 3
    images, courses = principal(Compressed.from_factors(U, V, np.zeros((5, 6))), 3)
    dense = U.astype(np.float32) @ (V - V.mean(1, keepdims=True))
    left, _, right = np.linalg.svd(dense, full_matrices=False)
    assert images.shape == (30, 3) and courses.shape == (3, 80)
    assert np.abs((left[:, :3] * images).sum(0)) == pytest.approx(1, abs=1e-4)
    assert np.abs((right[:3] * courses).sum(1)) == pytest.approx(1, abs=1e-4)


def test_more_principal_components_than_rank_are_not_made_up():
    movie = Compressed.from_factors(np.eye(6)[:, :2], np.random.default_rng(0).standard_normal((2, 50)), np.zeros((2, 3)))
    images, courses = principal(movie, 10)
    assert images.shape == (6, 2) and courses.shape == (2, 50)


@pytest.mark.parametrize("baseline", [nmf, pca_ica])
def test_a_baseline_finds_two_independent_cells(two_cells, baseline):
    found = evaluate(baseline(two_cells.movie, 2), two_cells)
    assert found.strict.hits == 2
    assert found.recovery_accuracy > 0.97
