"""Random fields and courses against the correlations they were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.simulate.noise import kicks, rhythm, slow_noise, smooth_fields


@pytest.mark.parametrize("length", [3.0, 6.0, 14.0])  # the longest is drawn on a coarser grid
def test_fields_have_unit_variance_and_the_correlation_length(length):
    fields = smooth_fields(600, (48, 61), length, np.random.default_rng(0))
    assert fields.shape == (600, 48, 61) and fields.dtype == np.float32
    assert fields.var() == pytest.approx(1, abs=0.06)
    for lag in (int(length / 2), int(length), int(2 * length)):
        expected = np.exp(-(lag**2) / (2 * length**2))
        assert (fields[:, lag:] * fields[:, :-lag]).mean() == pytest.approx(expected, abs=0.06)
        assert (fields[:, :, lag:] * fields[:, :, :-lag]).mean() == pytest.approx(expected, abs=0.06)


def test_fields_do_not_wrap_around():
    fields = smooth_fields(600, (48, 61), 6.0, np.random.default_rng(0))
    assert abs((fields[:, 0] * fields[:, -1]).mean()) < 0.05


def test_variance_is_the_same_between_the_points_of_the_coarser_grid():
    fields = smooth_fields(4000, (9, 20), 15.0, np.random.default_rng(0))
    assert fields.var(axis=0) == pytest.approx(np.ones((9, 20)), abs=0.1)
    assert np.abs(np.diff(fields.var(axis=0), axis=1)).max() < 0.02


def test_courses_have_the_time_constant_from_the_first_frame_on():
    noise = slow_noise(4000, 80, 12.0, np.random.default_rng(0))
    assert noise.var(axis=0) == pytest.approx(np.ones(80), abs=0.15)
    assert (noise[:, 12:] * noise[:, :-12]).mean() == pytest.approx(np.exp(-1), abs=0.04)


def test_a_rhythm_keeps_its_frequency_and_forgets_its_phase():
    frequency, tau = 0.12, 40.0
    waves = rhythm(3000, 90, frequency, tau, np.random.default_rng(0))
    assert waves.var(axis=0) == pytest.approx(np.ones(90), abs=0.15)
    for lag in (2, 4, 8, 25, 40):
        expected = np.cos(2 * np.pi * frequency * lag) * np.exp(-lag / tau)
        assert (waves[:, lag:] * waves[:, :-lag]).mean() == pytest.approx(expected, abs=0.04)


def test_a_fast_rhythm_is_seen_aliased():
    """9 Hz at 10 frames per second looks like 1 Hz."""
    wave = rhythm(1, 4000, 0.9, 500.0, np.random.default_rng(0))[0]
    power = np.abs(np.fft.rfft(wave)) ** 2
    assert np.fft.rfftfreq(4000)[power.argmax()] == pytest.approx(0.1, abs=0.005)


def test_kicks_have_unit_variance_and_decay():
    jumps = kicks(200, 4000, 0.02, 12.0, np.random.default_rng(0))
    assert jumps.mean() == pytest.approx(0, abs=0.03)
    assert jumps.var() == pytest.approx(1, abs=0.12)
    assert (jumps[:, 12:] * jumps[:, :-12]).mean() / jumps.var() == pytest.approx(np.exp(-1), abs=0.04)


def test_kicks_come_as_often_as_asked_and_at_once_in_all_rows():
    """Between kicks each row falls by exp(-1 / tau) per frame."""
    jumps = kicks(2, 200000, 0.01, 5.0, np.random.default_rng(1))
    kicked = np.abs(jumps[:, 1:] - jumps[:, :-1] * np.exp(-1 / 5)) > 1e-9
    assert np.array_equal(kicked[0], kicked[1])
    assert kicked[0].mean() == pytest.approx(1 - np.exp(-0.01), rel=0.06)
