"""Drift against closed forms: what is slow goes, what is short stays."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from happenings import course, disc

from detectnmf.enhance.detrend import Detrend
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

SIZE, FRAMES = (48, 64), 400
QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)
DIP = -0.1 * course(200, 10, FRAMES)[:, None, None] * disc(24, 32, 8, SIZE)


def light(noise=0.0, offset=0.0):
    """A field with structure that bleaches, jumps, and drifts locally; a dip of 10 % in its middle."""
    rng = np.random.default_rng(0)
    picture = 500 * (1 + 0.5 * rng.random(SIZE))
    t = np.arange(FRAMES)
    gain = (0.7 + 0.3 * np.exp(-t / 150)) * np.where(t > 120, 1.05, 1.0)
    local = 1 + 0.03 * np.sin(2 * np.pi * t / 900)[:, None, None] * (np.arange(SIZE[1]) > 30)
    clean = picture * gain[:, None, None] * local * (1 + DIP)
    return (offset + clean * (1 + noise * rng.standard_normal(clean.shape))).astype(np.float32)


def detrended(frames, **knobs):
    return Detrend(window=120.0, edge=8.0, **knobs)(Recording(frames, rate=1.0, pixel_size=1.0), None, QUIET)


def test_drift_goes_and_the_dip_stays():
    found = detrended(light())[:]
    assert np.abs(found - (1 + DIP)).max() < 0.012
    assert found[200:216, 24, 32].min() == pytest.approx(0.9, abs=0.012)


def test_with_noise_there_is_no_bias():
    found = detrended(light(noise=0.05))[:]
    assert abs(float((found - 1 - DIP).mean())) < 0.002
    assert np.std(found - 1 - DIP) == pytest.approx(0.05, rel=0.05)


def test_the_offset_counts():
    frames = light(offset=100.0)
    assert detrended(frames, offset=100.0)[:][205, 24, 32] == pytest.approx(0.9, abs=0.01)
    assert detrended(frames)[:][205, 24, 32] > 0.91


def test_a_window_that_events_fill_takes_them_for_drift():
    """Why it must be four times the longest event."""
    frames = light()
    short = Detrend(window=8.0, edge=8.0)(Recording(frames, rate=1.0, pixel_size=1.0), None, QUIET)[:]
    assert short[200:216, 24, 32].min() > 0.93


@pytest.mark.parametrize("piece", [slice(0, 1), slice(37, 41), slice(390, 400), slice(3, 300, 50), slice(50, 40, -2), slice(5, 5)])
def test_any_piece_is_the_same(piece):
    recording = detrended(light(noise=0.02))
    assert np.allclose(recording.frames[piece], recording[:][piece], atol=1e-5)


def test_subtracting_works_below_zero():
    frames = light() - 5000
    found = detrended(frames, relative=False)[:]
    assert abs(float(np.median(found))) < 1.0
    assert found[200:216, 24, 32].min() < -30


def test_missing_samples_stay_missing_and_spoil_nothing():
    frames = light()
    frames[100:104] = np.nan
    frames[:, 5, 5] = np.nan
    frames[210, 24, 33] = np.nan
    found = detrended(frames)[:]
    lost = np.isnan(frames)
    assert np.array_equal(np.isnan(found), lost)
    assert np.abs(found - (1 + DIP))[~lost].max() < 0.015


def test_pixels_without_light_are_masked():
    frames = light()
    frames[:, :, :4] = 0.5
    recording = detrended(frames)
    assert recording.bad_pixels[:, :4].all() and not recording.bad_pixels[:, 4:].any()
    assert any("192 of 3072 pixels are too dark" in note for note in recording.notes)


@pytest.mark.parametrize(("frames", "knobs"), [(light() - 5000, {}), (np.zeros((FRAMES, *SIZE)), {}), (light(), {"offset": 2000.0})])
def test_no_light_no_relative_change(frames, knobs):
    with pytest.raises(UserError, match=r"so there is no relative change \(dF/F\); set enhance.offset .* or enhance.relative=false"):
        detrended(frames, **knobs)


def test_short_recordings_have_one_baseline():
    recording = detrended(light()[:60])
    assert any("one baseline for all of it" in note for note in recording.notes)
    assert np.isfinite(recording[:]).all()


def test_memory_is_bounded():
    """A piece takes itself and its window, whatever the length of the recording."""

    class Endless:
        shape, dtype = (20_000, *SIZE), np.dtype(np.float32)

        def __getitem__(self, index):
            return np.ones((len(range(self.shape[0])[index]), *SIZE), np.float32)

    recording = Detrend(window=60.0)(Recording(Endless(), rate=1.0), None, QUIET)
    tracemalloc.start()
    recording.frames[10_000:10_016]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6 < 20_000 * SIZE[0] * SIZE[1] * 4 / 5


@pytest.mark.parametrize("knob", ["window", "edge"])
def test_impossible_knobs(knob):
    with pytest.raises(UserError, match=f"enhance.{knob} must be above 0"):
        Detrend(**{knob: 0.0})
