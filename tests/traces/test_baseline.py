"""The level at rest follows drift and no transients."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.traces.baseline import RunningPercentile


def test_bleaching_is_followed_and_transients_are_not(traces):
    made = traces.simulate(5, 9000, rate=0.005, noise=0.0)
    bleached = 100 * np.exp(-np.arange(9000) / 20_000)
    level = RunningPercentile()(made.c + bleached, 30.0)
    np.testing.assert_allclose(level, np.tile(bleached, (5, 1)), rtol=0.02)


def test_short_recordings_have_one_level():
    y = np.random.default_rng(0).random((3, 200))
    level = RunningPercentile(percentile=50, mean=1e-9)(y, 10.0)
    np.testing.assert_allclose(level, np.repeat(np.median(y, axis=1)[:, None], 200, axis=1), rtol=1e-6)


def test_frames_that_are_not_valid_do_not_count():
    y, valid = np.full((1, 3000), 10.0), np.arange(3000) % 7 > 2
    y[:, ~valid] = -1000
    np.testing.assert_allclose(RunningPercentile()(y, 10.0, valid), 10)
    assert np.isfinite(RunningPercentile()(y, 10.0, np.zeros(3000, bool))).all()


@pytest.mark.parametrize("frames", [1, 2, 3, 11])
def test_any_length(frames):
    assert RunningPercentile()(np.ones((2, frames)), 0.1).tolist() == np.ones((2, frames)).tolist()


def test_refusals():
    with pytest.raises(UserError, match=r"traces.baseline.percentile must be from 0 to 100, got 101"):
        RunningPercentile(percentile=101)
    with pytest.raises(UserError, match=r"traces.baseline.window must be above 0 s"):
        RunningPercentile(window=0)
