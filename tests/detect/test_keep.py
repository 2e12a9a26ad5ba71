"""The keep rules on drawn masks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from detectnmf.detect.keep import Candidates, discounted, distinct, group, mixtures, unit


def columns(*images: np.ndarray) -> sparse.csc_array:
    return sparse.csc_array(np.stack([np.ravel(i) for i in images], axis=1).astype(np.float32))


def square(top: int, left: int, edge: int = 4, size: int = 12) -> np.ndarray:
    image = np.zeros((size, size))
    image[top : top + edge, left : left + edge] = 1
    return image


def test_repeats_go_to_the_best_scored() -> None:
    a, b = square(0, 0), square(6, 6)
    footprints = columns(a, 3 * a, b, square(0, 1))
    kept = distinct(footprints, np.array([0.8, 0.9, 0.7, 0.6]), t_real=0.9, t_bin=0.9)
    assert kept.tolist() == [1, 2, 3]  # best first; the half-shifted square has cosine 0.75
    kept = distinct(footprints, np.array([0.8, 0.9, 0.7, 0.6]), t_real=0.7, t_bin=0.9)
    assert kept.tolist() == [1, 2]


def test_the_binary_rule_acts_on_its_own() -> None:
    """Two footprints of one support but different weights: alike as masks, unlike as images."""
    first = square(0, 0)
    second = first.copy()
    first[:, :2] *= 20
    second[:, 2:] *= 20
    footprints = columns(first, second)
    score = np.array([0.9, 0.8])
    assert len(distinct(footprints, score, t_real=0.5, t_bin=1.1)) == 2
    assert len(distinct(footprints, score, t_real=0.5, t_bin=0.5)) == 1


def test_nothing_in_nothing_out() -> None:
    kept = distinct(sparse.csc_array((9, 0)), np.zeros(0), 0.5, 0.5)
    assert len(kept) == 0


def test_detections_of_one_cell_are_averaged() -> None:
    """Ten noisy views of one square, one with a piece of another cell; two of another square; the mean has less error than any view."""
    rng = np.random.default_rng(0)
    cell, other = square(1, 1, 5), square(7, 7)
    views = [cell * (1 + 0.3 * rng.standard_normal(cell.shape)).clip(0) for _ in range(10)]
    views[3] = views[3] + 0.8 * square(8, 1, 2)
    found = group(Candidates(unit(columns(*views, other, other)), np.linspace(0.6, 0.95, 12)), 0.8)
    assert len(found) == 2
    assert found.seen == pytest.approx([np.linspace(0.6, 0.95, 12)[:10].sum(), np.linspace(0.6, 0.95, 12)[10:].sum()])
    assert found.probability == pytest.approx(1 - np.exp(-found.seen))
    mean = found.footprints.toarray()[:, 0]
    errors = [1 - float(v.ravel() @ cell.ravel() / np.linalg.norm(v) / np.linalg.norm(cell)) for v in views]
    assert 1 - float(mean @ cell.ravel()) / np.linalg.norm(cell) < 0.25 * min(errors)
    assert not mean[square(8, 1, 2).ravel() > 0].any()  # only one of ten says so


def test_a_place_that_was_overlooked_counts_less() -> None:
    """Seen twice of two bright frames; seen once of four (the dim fifth does not count); never shown."""
    found = Candidates(unit(columns(square(0, 0), square(7, 7), square(0, 7))), np.array([2.0, 1.0, 0.5]))
    levels = [np.array([5.0, 5.0, 0.1]), np.array([1.0, 1.0, 1.0, 1.0, 0.4]), np.zeros(0)]
    assert discounted(found, levels).seen == pytest.approx([2.0, 0.5, 0.5 * np.sqrt(0.5)])


def test_a_sum_of_two_cells_goes_and_cells_stay() -> None:
    first, second, third = square(0, 0), square(0, 3), square(7, 7)  # the first two share a column
    found = Candidates(unit(columns(first, second, third, first + second)), np.array([3.0, 3.0, 2.0, 1.0]))
    assert mixtures(found, 0.9).tolist() == [False, False, False, True]
    assert not mixtures(found, 1.1).any()
    alone = Candidates(unit(columns(first, first + second)), np.array([3.0, 1.0]))
    assert not mixtures(alone, 0.5).any()  # one cell alone explains nothing away
