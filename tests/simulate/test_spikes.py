"""Rates, bursts, assemblies and waves of activity against what was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.traces.spikes import Firing

RATE = 30.0


def correlation(counts):
    """Mean over pairs of (n, windows) counts."""
    table = np.corrcoef(counts)
    return table[np.triu_indices(len(table), 1)].mean()


def windows(spikes, frames):
    return spikes.reshape(len(spikes), -1, frames).sum(axis=2)


def test_rates_and_bursts_are_as_asked():
    spikes = Firing(events=0.3, burst=2.5, spread=0.5).spikes(3000, 900, RATE, np.random.default_rng(0))
    per_cell = spikes.sum(axis=1) / 30.0  # Hz
    assert per_cell.mean() == pytest.approx(0.3 * 2.5, rel=0.04)
    # events are Poisson in a gamma rate, bursts geometric: variance of the count n of spikes in time D
    mean = 0.3 * 30
    events = mean + (0.5 * mean) ** 2
    burst = (1 - 1 / 2.5) * 2.5**2
    assert spikes.sum(axis=1).var() == pytest.approx(mean * burst + events * 2.5**2, rel=0.1)


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"spread": 0.0},
        {"assemblies": 60, "shared": 0.7},
        {"modulation": 1.0, "modulation_time": 3.0},
        {"burst": 6.0, "interval": 1.0},
    ],
)
def test_rates_are_exact_whatever_else_is_asked(knobs):
    firing = Firing(**{"events": 1.0, "burst": 2.0, "spread": 0.6, **knobs})
    spikes = firing.spikes(4000, 600, RATE, np.random.default_rng(1))
    assert spikes.mean() * RATE == pytest.approx(firing.burst, rel=0.03)
    # as many at either end of the movie as in its middle, but for waves
    if not firing.modulation:
        ends = spikes[:, :60].mean(), spikes[:, -60:].mean()
        assert ends == pytest.approx((spikes.mean(), spikes.mean()), rel=0.06)


def test_spikes_of_a_burst_follow_at_the_interval():
    spikes = Firing(events=0.002, burst=4.0, interval=0.2).spikes(10_000, 3000, 100.0, np.random.default_rng(2))
    cell, frame = np.repeat(np.nonzero(spikes), spikes[spikes > 0], axis=1)
    gap = np.diff(frame)[np.diff(cell) == 0] / 100
    gap = gap[gap < 2.0]  # later ones are other events
    assert gap.mean() == pytest.approx(0.2, rel=0.05)
    assert gap.std() == pytest.approx(0.2, rel=0.1)  # exponential


@pytest.mark.parametrize("shared", [0.3, 0.8])
def test_cells_of_an_assembly_correlate_as_much_as_they_share(shared):
    firing = Firing(events=0.5, spread=0.0, burst=1.0, assemblies=1, shared=shared)
    spikes = firing.spikes(40, 60_000, 3.0, np.random.default_rng(3))
    assert correlation(windows(spikes, 30)) == pytest.approx(shared, abs=0.03)


def test_bursts_and_unlike_rates_lower_the_correlation_as_predicted():
    """shared · √(r_i r_j) / max r for events; sizes of bursts are independent: times b / (2b - 1)."""
    firing, burst = Firing(events=0.5, spread=0.5, burst=3.0, assemblies=1, shared=0.8), 3.0
    spikes = firing.spikes(40, 60_000, 3.0, np.random.default_rng(4))
    root = np.sqrt(firing.rates(40, np.random.default_rng(4)))  # the same stream gives the same rates
    pairs = np.triu_indices(40, 1)
    want = 0.8 * np.outer(root, root)[pairs] / root.max() ** 2 * burst / (2 * burst - 1)
    found = np.corrcoef(windows(spikes, 30))[pairs]
    assert found.mean() == pytest.approx(want.mean(), abs=0.02)
    assert np.corrcoef(found, want)[0, 1] > 0.8


def test_assemblies_are_independent():
    firing = Firing(events=0.5, spread=0.0, burst=1.0, assemblies=4, shared=0.9)
    table = np.corrcoef(windows(firing.spikes(40, 60_000, 3.0, np.random.default_rng(5)), 30))
    pairs = table[np.triu_indices(40, 1)]
    same = pairs > 0.5
    assert pairs[same] == pytest.approx(np.full(same.sum(), 0.9), abs=0.04)
    assert pairs[~same].mean() == pytest.approx(0, abs=0.02) and np.abs(pairs[~same]).max() < 0.12
    _, sizes = np.unique(same_members(table), return_counts=True)
    assert len(sizes) == 4


def same_members(table):
    """Number of the first cell that each goes with."""
    return (table > 0.5).argmax(axis=1)


def test_jitter_spreads_what_is_shared():
    lags = {}
    for jitter in (0.0, 0.4):
        firing = Firing(events=0.02, spread=0.0, burst=1.0, assemblies=1, shared=1.0, jitter=jitter)
        one, two = (np.flatnonzero(spikes) / 10 for spikes in firing.spikes(2, 200_000, 10.0, np.random.default_rng(6)))
        lag = (one[:, None] - two).ravel()
        lags[jitter] = lag[np.abs(lag) < 2.0]
    assert (lags[0.0] == 0).mean() > 0.9  # the rest are other events by chance
    assert lags[0.4].std() == pytest.approx(0.4 * np.sqrt(2), rel=0.15)


def test_silent_cells_never_fire():
    spikes = Firing(events=2.0, silent=0.3, assemblies=3, shared=0.5).spikes(4000, 300, RATE, np.random.default_rng(7))
    fires = spikes.sum(axis=1) > 0
    assert fires.mean() == pytest.approx(0.7, abs=0.03)
    assert spikes[fires].mean() * RATE == pytest.approx(2.0 * 3.0, rel=0.05)


def test_waves_move_all_cells_together():
    firing = Firing(events=5.0, spread=0.0, burst=1.0, modulation=0.5, modulation_time=10.0)
    together = windows(firing.spikes(100, 60_000, RATE, np.random.default_rng(8)), 30).sum(axis=0).astype(float)
    together /= together.mean()
    assert together.std() == pytest.approx(0.5, rel=0.15)
    after = [np.corrcoef(together[:-lag], together[lag:])[0, 1] for lag in (1, 10, 40)]
    assert after[0] > 0.95 and after[1] == pytest.approx(np.exp(-0.5), abs=0.15) and abs(after[2]) < 0.3


@pytest.mark.parametrize(
    "knobs",
    [
        {"spread": -0.1},
        {"interval": 0.0},
        {"silent": 1.5},
        {"shared": -1.0},
        {"shared": 0.5},
        {"modulation": -1.0},
        {"modulation_time": 0.0},
    ],
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=rf"^activity\.{next(iter(knobs))} [^\n]+$"):
        Firing(**knobs)
