"""Similarities and pairings against numbers worked out by hand."""

import numpy as np
import pytest

from detectnmf.components import Components
from detectnmf.judge import match


def test_iou_of_boxes(toys):
    true = toys.cells([(0, 0)])  # 36 px
    found = toys.cells([(0, 0), (0, 3), (0, 6), (2, 2, 2, 2)])
    overlap = match.mask_overlap(true, found)
    np.testing.assert_allclose(overlap.iou, [[1, 18 / 54, 0, 4 / 36]])
    np.testing.assert_allclose(overlap.covered, [[1, 0.5, 0, 4 / 36]])
    np.testing.assert_allclose(overlap.inside, [[1, 0.5, 0, 1]])


def test_masks_leave_out_dim_pixels(toys):
    image = toys.boxes([(0, 0)])
    image[0, 0, 6:12] = 0.19  # a faint dendrite
    assert match.mask_overlap(Components.from_images(image), toys.cells([(0, 0)])).iou[0, 0] == 1
    image[0, 0, 6:12] = 0.21
    assert match.mask_overlap(Components.from_images(image), toys.cells([(0, 0)])).iou[0, 0] == pytest.approx(36 / 42)


def test_spatial_cosine_weighs_pixels(toys):
    image = toys.boxes([(0, 0, 1, 2)])
    image[0, 0, 1] = 0.5
    cosine = match.spatial_cosine(Components.from_images(image), toys.cells([(0, 0, 1, 1), (9, 9)]))
    np.testing.assert_allclose(cosine, [[1 / np.sqrt(1.25), 0]], rtol=1e-6)


def test_trace_cosine_is_centred():
    t = np.arange(100)
    sine, cosine = np.sin(2 * np.pi * t / 50), np.cos(2 * np.pi * t / 50)
    one, other = np.stack([sine + 1000, np.full(100, 7.0)]), np.stack([cosine + 1000, 3 * sine - 5, -sine])
    np.testing.assert_allclose(match.trace_cosine(one, other), [[0, 1, -1], [0, 0, 0]], atol=1e-6)  # raw cosine of the first: 0.9999


def test_assignment_prefers_more_pairs_to_larger_iou():
    # greedy takes 0.9 and leaves the second true cell alone; two pairs are possible
    iou = np.array([[0.9, 0.6], [0.7, 0.0]])
    assert match.assign(iou, 0.5).tolist() == [1, 0]
    assert match.assign(iou, 0.65).tolist() == [0, -1]
    assert match.assign(np.zeros((2, 0)), 0.5).tolist() == [-1, -1]


def test_recovery_takes_each_estimate_once_brightest_first():
    similarity = np.array([[0.8, 0.6], [0.9, 0.2]])
    everyone = np.ones((2, 2), bool)
    assert match.recover(np.array([0, 1]), everyone, similarity).tolist() == [0, 1]
    assert match.recover(np.array([1, 0]), everyone, similarity).tolist() == [1, 0]
    near = np.array([[True, False], [True, False]])
    assert match.recover(np.array([0, 1]), near, similarity).tolist() == [0, -1]


def test_brightness_is_what_moves_the_movie(toys):
    traces = np.array([[0, 2, 0, 2], [9, 9, 9, 9], [0, 1, 0, 1]], np.float32)
    cells = toys.cells([(0, 0), (0, 10), (0, 20)], traces)
    np.testing.assert_allclose(match.brightness(cells), [6 * 1, 0, 6 * 0.5])
