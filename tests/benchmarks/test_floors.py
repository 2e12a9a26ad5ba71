"""What a stage must do at least, and how its time grows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from floors import exponent, pattern, works
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.recording import Recording


def test_the_exponent_of_a_power_law_is_found_without_error():
    x = [100.0, 200.0, 400.0, 1000.0]
    slope, error = exponent(x, [3e-4 * value**1.3 for value in x])
    assert slope == pytest.approx(1.3)
    assert error == pytest.approx(0, abs=1e-6)
    assert math.isnan(exponent([1.0, 2.0], [1.0, 2.0])[1])


def test_the_error_of_an_exponent_is_that_of_a_regression():
    rng = np.random.default_rng(0)
    x = np.linspace(1, 3, 12)
    slopes = np.array([exponent(list(np.exp(x)), list(np.exp(x + 0.1 * rng.standard_normal(12)))) for _ in range(400)])
    assert slopes[:, 0].mean() == pytest.approx(1, abs=0.02)
    assert slopes[:, 1].mean() == pytest.approx(slopes[:, 0].std(), rel=0.1)


def test_a_pattern_counts_what_meets_even_if_it_cancels():
    one = sparse.csr_array(np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]))
    other = sparse.csr_array(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 3.0]]))
    assert (one @ other).toarray()[0, 0] == 0
    assert pattern(one, other) == 2


def test_the_least_work_is_counted_from_the_movie_itself():
    frames, size = 1000, (48, 48)
    P = size[0] * size[1]
    U = np.zeros((P, 2))
    U[: P // 2, 0], U[P // 2 :, 1] = 1, 1
    movie = Compressed.from_factors(U, np.zeros((2, frames)), np.zeros(size))
    images = np.zeros((1, *size), np.float32)
    images[0, 20:28, 20:28] = 1  # on both halves
    found = works(Recording(np.zeros((frames, *size), np.uint16)), movie, Components.from_images(images), 25, 2, 7.0)
    assert found["compress"].bytes == 2 * 2 * P * frames
    assert found["compress"].flop == 4 * 9 * 24 * 24 * 40 * frames  # three blocks in each direction
    assert found["sparsen"].flop == 2 * frames * (P + P)
    assert found["superpixels"].flop == 2 * frames * 5 * P
    assert found["demix"].flop == 25 * 2 * frames * (2 * 2 + 3 * 1)
    assert found["demix"].bytes == 25 * 4 * frames * (2 * 2 + 2 * 3 * 1)
    assert found["judge"].flop == 2 * frames * (2 + 1 + 1)
    assert found["detect"].half == 7
