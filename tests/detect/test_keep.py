"""The keep rules on drawn masks."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from detectnmf.detect.keep import crowded, distinct


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


def test_crowded_masks_of_one_frame() -> None:
    masks = np.stack([square(0, 0), square(0, 2), square(8, 8)]) > 0  # the first two share 8 px
    assert crowded(masks, 7).tolist() == [True, True, False]
    assert crowded(masks, 8).tolist() == [False, False, False]
    assert crowded(masks[:1], 0).tolist() == [False]
