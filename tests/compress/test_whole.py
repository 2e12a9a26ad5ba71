"""The movie as it is, in the form of a compressed one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectnmf.compress.whole import Whole
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="module")
def noise():
    rng = np.random.default_rng(0)
    return (200 + rng.uniform(2, 8, (20, 24)) * rng.standard_normal((3000, 20, 24))).astype(np.float32)


def test_noise_levels_are_the_true_ones(noise):
    movie = Whole()(Recording(noise), RUNTIME)
    assert np.allclose(movie.std / noise.std(0), 1, atol=0.06)
    assert np.median(np.abs(movie.std / noise.std(0) - 1)) < 0.015
    assert np.allclose(movie[100:110], noise[100:110], atol=1e-3)


def test_gaps_are_filled_in_time_and_bad_pixels_left_out(noise):
    frames = noise[:300].copy()
    frames[50:53] = np.nan
    frames[20, 3, 4] = np.nan
    frames[:, 7, 8] = 5.0
    frames[:200, 9, 9] = np.nan
    movie = Whole()(Recording(frames), RUNTIME)
    assert movie.bad_frames.nonzero()[0].tolist() == [50, 51, 52]
    assert sorted(map(tuple, np.argwhere(movie.bad_pixels).tolist())) == [(7, 8), (9, 9)] and movie.rank == 478
    assert movie[20, 3, 4] == pytest.approx((noise[19, 3, 4] + noise[21, 3, 4]) / 2, rel=1e-4)
    assert movie.missing == 1
    assert np.allclose(movie[51][0], (noise[49, 0] + noise[53, 0]) / 2, atol=1e-2)


def test_saturated_samples_of_integers_are_missing():
    frames = np.random.default_rng(0).integers(10, 200, (100, 10, 12)).astype(np.uint8)
    frames[30, 2, 3] = 255
    movie = Whole()(Recording(frames), RUNTIME)
    assert movie.missing == 1 and movie[30, 2, 3] == pytest.approx((float(frames[29, 2, 3]) + frames[31, 2, 3]) / 2, rel=1e-3)


def test_what_does_not_fit_is_refused_with_the_cure():
    movie = Recording(np.zeros((100, 10, 10), np.float32), name="large")
    with pytest.raises(UserError, match=r"large: uncompressed.*compress=pmd"):
        Whole(share=1e-6)(movie, RUNTIME)


def test_known_bad_pixels_stay_bad(noise):
    bad = np.zeros((20, 24), bool)
    bad[4] = True
    movie = Whole()(replace(Recording(noise[:200]), bad_pixels=bad), RUNTIME)
    assert (movie.bad_pixels == bad).all() and np.isfinite(movie.std).all()
