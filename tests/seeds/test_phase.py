"""Phase-locking: closed forms, and which of several seeds is kept."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.seeds.phase import PhaseMerging, locked

RATE = 10.0


@pytest.mark.parametrize("lag", [0.0, 0.6, np.pi / 2, np.pi])
def test_two_sines_lock_with_the_cosine_of_their_lag(lag):
    t = np.arange(1000) / RATE
    waves = 10 * np.stack([np.sin(np.pi * t), np.sin(np.pi * t - lag)])
    phasors, active = PhaseMerging(smooth=0.0).phases(waves)
    assert active.mean() > 0.9
    assert locked(phasors, active, 0, np.array([1]))[0] == pytest.approx(np.cos(lag), abs=0.01)


def cells(rng, n, frames=900):
    """Traces with a few sudden rises and slow falls."""
    spikes = rng.random((n, frames)) < 0.01
    return np.stack([np.convolve(row, np.exp(-np.arange(60) / 12))[:frames] for row in spikes])


def test_of_seeds_of_one_cell_the_brightest_is_kept():
    rng = np.random.default_rng(0)
    one, other = cells(rng, 2)
    noise = 0.05 * rng.standard_normal((5, 900))
    traces = np.stack([1.0 * one, 2.0 * one, 0.5 * one, 1.5 * other, 3.0 * one]) + noise
    where = np.array([[0, 0], [0, 3], [3, 0], [1, 1], [40, 40]])  # four nearby, of which one is another cell's; the same cell's far away
    kept = PhaseMerging()(traces, RATE, where, traces.max(axis=1), 6.0)
    assert kept.tolist() == [False, True, False, True, True]


def test_noise_between_events_does_not_count():
    """Two seeds of one cell under independent noise lock in its events; over all frames they would not."""
    rng = np.random.default_rng(1)
    events = cells(rng, 1)[0]
    traces = 8 * np.stack([events, events]) + rng.standard_normal((2, 900))
    merging = PhaseMerging()
    phasors, active = merging.phases(traces)
    everywhere = locked(phasors, np.ones_like(active), 0, np.array([1]))[0]
    assert locked(phasors, active, 0, np.array([1]))[0] > 0.97 > 0.94 > everywhere
    assert merging(traces, RATE, np.zeros((2, 2)), np.array([1.0, 2.0]), 1.0).tolist() == [False, True]


def test_without_peaks_nothing_is_merged_and_none_or_one_are_kept():
    flat = 0.01 * np.random.default_rng(2).standard_normal((3, 300))
    assert PhaseMerging(prominence=50.0)(flat, RATE, np.zeros((3, 2)), np.ones(3), 5.0).all()
    for n in (0, 1):
        assert len(PhaseMerging()(flat[:n], RATE, np.zeros((n, 2)), np.ones(n), 5.0)) == n


def test_senseless_values_are_refused():
    with pytest.raises(UserError, match=r"locking is a mean cosine above 0 and at most 1, got 1\.5"):
        PhaseMerging(locking=1.5)
