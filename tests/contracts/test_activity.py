"""What every trace model must do."""

from __future__ import annotations

import numpy as np
import pytest

GROUP = "activity"


def test_traces_and_their_spikes(part):
    activity = part.draw(20, 600, 15.0, np.random.default_rng(0))
    assert activity.traces.shape == activity.spikes.shape == (20, 600)
    assert np.isfinite(activity.traces).all() and activity.traces.min() >= 0
    assert activity.traces.max() > 0.1
    assert np.issubdtype(activity.spikes.dtype, np.integer)


def test_fluorescence_rises_with_spikes_only(part):
    activity = part.draw(200, 300, 15.0, np.random.default_rng(1))
    silent = (activity.spikes.sum(axis=1) == 0) & (activity.traces[:, 0] == 0)
    assert (activity.traces[silent] == 0).all()
    steps = np.diff(activity.traces, axis=1)
    recent = activity.spikes[:, 1:] + activity.spikes[:, :-1] > 0
    assert steps[recent].mean() > 0.02
    # what rises without a spike in this or the last frame is the end of a slow rise
    assert steps[~recent].mean() < 0


def test_already_going_at_the_first_frame(part):
    traces = part.draw(3000, 60, 15.0, np.random.default_rng(2)).traces
    first, last = traces[:, :10].mean(), traces[:, -10:].mean()
    assert first == pytest.approx(last, rel=0.15)


def test_the_generator_decides(part):
    once, again, other = (part.draw(3, 200, 15.0, np.random.default_rng(seed)).traces for seed in (3, 3, 4))
    assert np.array_equal(once, again) and not np.array_equal(once, other)


def test_no_cells(part):
    assert part.draw(0, 50, 15.0, np.random.default_rng(0)).traces.shape == (0, 50)
