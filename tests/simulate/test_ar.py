"""Autoregressive traces against their recursion."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.traces.ar import AR


@pytest.mark.parametrize("g", [[0.95], [1.7, -0.712]])
def test_traces_obey_the_recursion(g):
    activity = AR(g=g, amplitude=1.0).draw(200, 2000, 15.0, np.random.default_rng(0))
    c, s = activity.traces.astype(float), activity.spikes.astype(float)
    left = c[:, 2:] - sum(one * c[:, 2 - lag : -lag] for lag, one in enumerate(g, start=1))
    assert np.allclose(left, left[s[:, 2:] == 1].mean() * s[:, 2:], atol=1e-5)
    assert s.mean() == pytest.approx(0.01, rel=0.05) and s.max() == 1


def test_mean_is_that_of_the_stationary_process():
    """E[c] = probability / (1 - g), from the first frame on."""
    traces = AR().draw(20_000, 20, 15.0, np.random.default_rng(1)).traces
    assert traces.mean(axis=0) == pytest.approx(np.full(20, 0.01 / 0.05), rel=0.05)


@pytest.mark.parametrize("g", [[0.9], [1.7, -0.712]])
def test_peak_of_one_spike_is_the_amplitude(g):
    activity = AR(g=g, amplitude=0.3, probability=0.0005).draw(300, 400, 15.0, np.random.default_rng(2))
    alone = (activity.spikes.sum(axis=1) == 1) & (activity.traces[:, 0] < 1e-6) & (activity.spikes[:, -50:].sum(axis=1) == 0)
    assert alone.sum() > 20
    assert activity.traces[alone].max(axis=1) == pytest.approx(np.full(alone.sum(), 0.3), rel=1e-4)


def test_the_rate_of_the_movie_does_not_matter():
    one, two = (AR().draw(3, 100, rate, np.random.default_rng(3)) for rate in (1.0, 100.0))
    assert np.array_equal(one.traces, two.traces)


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"g": []}, "one or two"),
        ({"g": [0.5, 0.2, 0.1]}, "one or two"),
        ({"g": [1.0]}, "does not decay"),
        ({"g": [-0.5]}, "does not decay"),
        ({"g": [0.0]}, "does not decay"),
        ({"g": [1.7, -0.9]}, "rings"),
        ({"g": [0.5, 0.3]}, "rings"),
        ({"probability": 0.0}, "above 0"),
        ({"probability": 1.1}, "at most 1"),
        ({"amplitude": 0.0}, "above 0"),
    ],
)
def test_impossible_knobs(knobs, word):
    with pytest.raises(UserError, match=rf"^activity\.{next(iter(knobs))} [^\n]*{word}"):
        AR(**knobs)
