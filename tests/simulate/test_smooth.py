"""Neuropil against the correlations it was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.background.none import Constant
from detectnmf.simulate.background.smooth import Smooth, slow_noise, smooth_fields


def test_fields_have_unit_variance_and_the_correlation_length():
    fields = smooth_fields(300, (48, 61), 6.0, np.random.default_rng(0))
    assert fields.shape == (300, 48, 61)
    assert fields.var() == pytest.approx(1, abs=0.05)
    for lag in (3, 6, 12):
        expected = np.exp(-(lag**2) / (2 * 6.0**2))
        assert (fields[:, lag:] * fields[:, :-lag]).mean() == pytest.approx(expected, abs=0.05)
        assert (fields[:, :, lag:] * fields[:, :, :-lag]).mean() == pytest.approx(expected, abs=0.05)
    # nothing wraps around from one edge to the other
    assert abs((fields[:, 0] * fields[:, -1]).mean()) < 0.05


def test_courses_have_the_time_constant_from_the_first_frame_on():
    noise = slow_noise(4000, 80, 12.0, np.random.default_rng(0))
    assert noise.var(axis=0) == pytest.approx(np.ones(80), abs=0.15)
    assert (noise[:, 12:] * noise[:, :-12]).mean() == pytest.approx(np.exp(-1), abs=0.04)


def test_amplitude_is_relative_to_the_local_mean():
    stds = []
    for seed in range(6):
        neuropil = Smooth(amplitude=0.1, tau=0.2, modes=30).draw(600, (64, 64), 15.0, 1.0, np.random.default_rng(seed))
        movie = neuropil.spatial @ neuropil.temporal
        stds.append((movie.std(axis=1) / neuropil.baseline.ravel()).mean())
    assert np.mean(stds) == pytest.approx(0.1, rel=0.05)


def test_lengths_are_in_um():
    fine, coarse = (
        Smooth(length=10, texture=0.2).draw(1, (64, 64), 15.0, pixel, np.random.default_rng(0)).spatial.reshape(64, 64, -1)
        for pixel in (0.5, 2.0)
    )
    roughness = [np.abs(np.diff(field, axis=0)).mean() / np.abs(field).mean() for field in (fine, coarse)]
    assert roughness[1] / roughness[0] == pytest.approx(4, rel=0.35)


def test_constant_background():
    neuropil = Constant(level=0.5).draw(10, (8, 9), 15.0, 1.0, np.random.default_rng(0))
    assert (neuropil.baseline == 0.5).all() and neuropil.temporal.shape == (0, 10)


@pytest.mark.parametrize("knobs", [{"amplitude": 0.5}, {"length": 0}, {"tau": -1}, {"modes": 0}, {"texture": 2}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Smooth(**knobs)
