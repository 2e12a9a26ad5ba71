"""Dips and surges against the figures asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectnmf.errors import UserError
from detectnmf.simulate.traces.events import DEEPEST, Events, envelope

RATE = 10.0


def measure(trace):
    """(duration in frames above half, peak) of each event of a trace that is 0 in between."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (trace != 0).astype(int), [0]])))
    for start, stop in edges.reshape(-1, 2):
        if start > 0 and stop < len(trace):
            level = np.abs(trace[start:stop])
            yield (level > level.max() / 2).sum(), level.max()


@settings(max_examples=30, deadline=None)
@given(growth=st.floats(0, 1), fading=st.floats(0, 1))
def test_envelope_is_smooth_and_its_width_at_half_height_is_one(growth, fading):
    time = np.linspace(-0.5, 3, 35_001)
    level = envelope(time, growth, fading)
    assert level.min() == 0 and level.max() == pytest.approx(1)
    assert (level >= 0.5).sum() * 1e-4 == pytest.approx(1, abs=3e-4)
    if min(growth, fading) > 0.1:
        assert np.abs(np.diff(level)).max() < 1e-4 * np.pi / 2 / min(growth, fading) * 1.01


@pytest.mark.parametrize(("amplitude", "duration"), [(-0.094, 9.0), (0.078, 12.0), (-0.033, 6.0)])
def test_medians_and_rates_are_as_asked(amplitude, duration):
    model = Events(amplitude=amplitude, duration=duration, events=0.01)
    activity = model.draw(200, 20_000, RATE, np.random.default_rng(0))
    found = np.array([one for trace in activity.traces for one in measure(trace)])
    assert np.median(found[:, 0]) / RATE == pytest.approx(duration, rel=0.04)
    assert np.log(found[:, 0]).std() == pytest.approx(0.68, rel=0.05)
    assert np.median(found[:, 1]) == pytest.approx(abs(amplitude), rel=0.04)
    assert np.log(found[:, 1]).std() == pytest.approx(0.5, rel=0.05)
    assert activity.spikes.mean() * RATE == pytest.approx(0.01, rel=0.03)
    assert (np.sign(activity.traces) * np.sign(amplitude)).min() == 0


def test_as_many_at_once_as_the_recordings_have():
    """16.9 onsets per mm² and minute with 3.2 at once: each is seen for 11.4 s on average."""
    traces = Events(events=0.01).draw(400, 10_000, 2.0, np.random.default_rng(1)).traces
    durations = [one for trace in traces for one, _ in measure(trace)]
    assert np.mean(durations) / 2.0 == pytest.approx(3.2 / 16.9 * 60, rel=0.03)


def test_events_of_a_site_never_overlap_even_at_the_highest_rate():
    model = Events(events=0.048, refractory=2.0)
    onset, duration = model.onsets(300, 1000.0, np.random.default_rng(2))
    end = onset + model.length(duration)
    assert (onset[:, 1:] - end[:, :-1]).min() >= 2.0 - 1e-9
    assert ((onset > 0) & (onset < 1000)).sum() / 3e5 == pytest.approx(0.048, rel=0.03)


def test_onsets_stand_where_events_begin():
    activity = Events(events=0.01).draw(50, 5000, RATE, np.random.default_rng(3))
    site, frame = np.nonzero((activity.traces[:, 1:] != 0) & (activity.traces[:, :-1] == 0))
    assert len(site) > 100
    # in the same frame, or in the frame before if it began in that frame's second half
    late = (activity.spikes[site, frame + 1] == 0).mean()
    assert (activity.spikes[site, frame + 1] + activity.spikes[site, frame] == 1).all() and late == pytest.approx(0.5, abs=0.1)


def test_light_never_goes_below_nothing():
    traces = Events(amplitude=-0.8, amplitude_spread=2.0).draw(100, 3000, 1.0, np.random.default_rng(4)).traces
    assert traces.min() == pytest.approx(-DEEPEST)


@pytest.mark.parametrize(
    "knobs",
    [
        {"amplitude": 0.0},
        {"amplitude": -1.0},
        {"duration": 0.0},
        {"events": 0.0},
        {"events": 0.2},
        {"duration_spread": -1.0},
        {"growth": 1.5, "fading": 0.8},
        {"refractory": -1.0},
    ],
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=rf"^activity\.{next(iter(knobs))} [^\n]+$"):
        Events(**knobs)


def test_duration_within_a_frame():
    with pytest.raises(UserError, match=r"^activity\.duration = 0\.5 s is shorter than a frame at 1 Hz"):
        Events(duration=0.5).draw(1, 10, 1.0, np.random.default_rng(0))
