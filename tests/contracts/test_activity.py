"""What every trace model must do."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.traces.recorded import Recorded

GROUP = "activity"


def draw(part, n, frames, seed):
    """At 15 Hz, or faster where that is too slow for the model."""
    for rate in (15.0, 60.0, 240.0):
        try:
            return part.draw(n, frames, rate, np.random.default_rng(seed))
        except UserError as error:
            assert "shorter than a frame" in str(error)
    raise AssertionError("too fast for 240 Hz")


def test_traces_and_their_spikes(part):
    activity = draw(part, 60, 600, 0)
    assert activity.traces.shape == activity.spikes.shape == (60, 600)
    assert activity.traces.dtype == np.float32 and activity.spikes.dtype == np.uint16
    assert np.isfinite(activity.traces).all() and activity.traces.min() > -1
    assert np.abs(activity.traces).max() > 0.05
    assert activity.spikes.sum() > 0


def test_it_is_silent_where_nothing_fires(part):
    if isinstance(part, Recorded):
        pytest.skip("what was recorded has noise")
    activity = draw(part, 400, 300, 1)
    silent = (activity.spikes.sum(axis=1) == 0) & (activity.traces[:, 0] == 0)
    assert (activity.traces[silent] == 0).all()


def test_light_changes_with_spikes_only(part):
    activity = draw(part, 400, 600, 1)
    steps = np.diff(np.abs(activity.traces), axis=1)
    recent = activity.spikes[:, 1:] + activity.spikes[:, :-1] > 0
    # grows at a spike, beyond chance; what grows without a spike in this or the last frame is the end of a slow rise
    assert steps[recent].mean() > 4 * steps[recent].std() / np.sqrt(recent.sum())
    assert steps[recent].mean() > 20 * max(steps[~recent].mean(), 0)


def test_already_going_at_the_first_frame(part):
    size = np.abs(draw(part, 8000, 90, 2).traces)
    assert size[:, :10].mean() == pytest.approx(size[:, -10:].mean(), rel=0.15)


def test_the_generator_decides(part):
    once, again, other = (draw(part, 30, 600, seed) for seed in (3, 3, 4))
    assert np.array_equal(once.traces, again.traces) and np.array_equal(once.spikes, again.spikes)
    assert not np.array_equal(once.traces, other.traces)


@pytest.mark.parametrize(("n", "frames"), [(0, 50), (3, 1)])
def test_none_and_one(part, n, frames):
    activity = draw(part, n, frames, 0)
    assert activity.traces.shape == activity.spikes.shape == (n, frames)
