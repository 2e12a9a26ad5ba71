"""Answers to a stimulus against what was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.traces.evoked import Evoked


def events(model, n=2000, duration=1000.0, seed=0):
    """(cell, onset) of n cells that all fire at the model's rate."""
    return model.onsets(np.full(n, model.events), duration, np.random.default_rng(seed))


def test_answers_come_a_latency_of_each_cell_after_the_stimulus():
    cell, onset = events(Evoked(events=0.04, period=20.0, window=0.4, evoked=1.0, jitter=0.0))
    phase = np.sort(onset % 20.0)
    gap = np.diff(np.concatenate([phase, phase[:1] + 20.0])).max()
    assert gap == pytest.approx(0.6 * 20.0, abs=0.1)  # between the latest and the next stimulus's earliest answer nothing happens
    own = onset[cell == 7] % 20.0
    assert np.allclose(own, own[0], atol=1e-9)


@pytest.mark.parametrize(("rate", "share", "answers"), [(0.04, 0.5, 0.4), (0.04, 1.0, 0.8), (0.2, 1.0, 1.0)])
def test_rates_are_exact_and_a_stimulus_is_answered_once(rate, share, answers):
    model = Evoked(events=rate, period=20.0, window=0.0, evoked=share, jitter=0.0)
    cell, onset = events(model)
    assert len(cell) == pytest.approx(2000 * 1000 * rate, rel=0.01)
    _, times = np.unique(np.round(onset % 20.0, 5), return_counts=True)
    assert times.max() == pytest.approx(answers * 2000 * 50, rel=0.01)


def test_jitter_blurs_the_moment():
    _, onset = events(Evoked(events=0.05, period=20.0, window=0.0, evoked=1.0, jitter=0.5))
    turn = np.exp(2j * np.pi * onset / 20.0).mean()
    spread = np.sqrt(-2 * np.log(np.abs(turn))) * 20.0 / (2 * np.pi)
    assert spread == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(("knob", "value"), [("period", 0.0), ("window", 1.1), ("evoked", -0.1)])
def test_senseless_knobs_are_refused(knob, value):
    with pytest.raises(UserError, match=rf"activity\.{knob}"):
        Evoked(**{knob: value})
