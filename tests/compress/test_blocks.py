"""Blocks cover every pixel, whatever the field's size."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectnmf.compress.blocks import Blocks


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40))
def test_every_pixel_is_covered_and_stays_inside(rows: int, columns: int, edge: int) -> None:
    blocks = Blocks.cover((rows, columns), edge)
    pixels = blocks.pixels()
    assert np.array_equal(np.unique(pixels), np.arange(rows * columns))
    assert pixels.shape[1] == min(edge, rows) * min(edge, columns)


def test_corners_of_a_drawn_case() -> None:
    blocks = Blocks.cover((10, 6), 6)
    assert blocks.corners.tolist() == [[0, 0], [3, 0], [4, 0]]
    assert blocks.pixels()[0, :7].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_pyramid_grows_from_the_border() -> None:
    pyramid = Blocks.cover((5, 5), 5).pyramid().reshape(5, 5)
    assert pyramid[0].tolist() == [1, 1, 1, 1, 1]
    assert pyramid[2].tolist() == [1, 2, 3, 2, 1]
