"""Faults against the shares and the hum that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.faults import Faultless, Faulty, runs

SIZE = (40, 30)
CLEAN = {"lost": 0.0, "twice": 0.0, "blank": 0.0, "hum": 0.0, "rows": 0.0}


def draw(frames=100000, rate=30.0, seed=0, **knobs):
    return Faulty(**{**CLEAN, **knobs}).draw(frames, SIZE, rate, np.random.default_rng(seed))


def test_nothing_asked_for_is_faultless():
    none, clean = draw(50), Faultless().draw(50, SIZE, 30.0, np.random.default_rng(0))
    for name in ("index", "blank", "hum", "pattern"):
        assert np.array_equal(getattr(none, name), getattr(clean, name))


def test_lost_frames_have_their_share_and_come_in_bursts():
    for twice in (0.0, 0.2):
        steps = np.diff(draw(lost=0.05, twice=twice, burst=3.0).index)
        gaps = steps[steps > 1] - 1
        assert gaps.sum() / steps.sum() == pytest.approx(0.05, rel=0.08)
        assert gaps.mean() == pytest.approx(3, rel=0.05) and gaps.std() == pytest.approx(np.sqrt(6), rel=0.1)  # geometric


def test_frames_written_twice_have_their_share():
    acquired = draw(twice=0.03, lost=0.01)
    assert (np.diff(acquired.index) == 0).mean() == pytest.approx(0.03, rel=0.08)


def test_blank_frames_have_their_share_and_come_in_bursts():
    blank = draw(blank=0.02, burst=4.0).blank
    assert blank.mean() == pytest.approx(0.02, rel=0.12)
    starts = (np.diff(blank.astype(int)) == 1).sum()
    assert blank.sum() / starts == pytest.approx(4, rel=0.1)


def test_runs_are_under_way_at_the_first_frame():
    assert np.mean([runs(1, 0.1, 10.0, np.random.default_rng(seed))[0] for seed in range(3000)]) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("frequency", [50.0, 60.0])
def test_hum_is_a_sine_in_time_row_by_row(frequency):
    rate, rows = 31.4, 40
    acquired = draw(60000, rate=rate, hum=3.0, frequency=frequency, lost=0.01)
    assert acquired.hum.shape == (acquired.index[-1] + 1, 2) and acquired.pattern.shape == (2, rows)
    frames = np.array([0, 1, 777, acquired.index[-1]])
    time = frames[:, None] / rate + np.arange(rows) / (rate * rows)
    seen = acquired.hum[frames].astype(float) @ acquired.pattern
    # the phase, from the first frame
    basis = np.stack([np.sin(2 * np.pi * frequency * time[0]), np.cos(2 * np.pi * frequency * time[0])], axis=1)
    sine, cosine = np.linalg.lstsq(basis, seen[0], rcond=None)[0]
    phase = np.arctan2(cosine, sine)
    assert seen == pytest.approx(3 * np.sin(2 * np.pi * frequency * time + phase), abs=1e-4)


def test_rows_flicker_on_their_own():
    acquired = draw(2000, rows=1.5)
    offsets = acquired.hum @ acquired.pattern
    assert offsets.shape == (2000, 40) and offsets.std() == pytest.approx(1.5, rel=0.02)
    assert np.abs(np.corrcoef(offsets.T) - np.eye(40)).max() < 0.12


@pytest.mark.parametrize("knobs", [{"lost": 0.6}, {"twice": -1}, {"blank": 2}, {"burst": 0.5}, {"hum": -1}, {"rows": -1}, {"frequency": 0}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Faulty(**knobs)


@pytest.mark.parametrize(("share", "length"), [(0.5, 1.0), (0.5, 2.0), (0.9, 3.0), (0.05, 1.0), (0.2, 10.0)])
def test_runs_cover_their_share_however_large(share, length):
    assert runs(200_000, share, length, np.random.default_rng(0)).mean() == pytest.approx(share, rel=0.03)
