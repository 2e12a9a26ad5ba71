"""Calcium traces against their equations."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.traces.calcium import Calcium, respond, roots

RATE = 30.0


def test_one_spike_rises_and_decays_as_said():
    spikes = np.zeros((1, 200))
    spikes[0, 10] = 1
    trace = respond(spikes, *roots(0.5, 0.06, RATE))[0]
    t = (np.arange(190) + 1) / RATE
    shape = (1 - np.exp(-t / 0.06)) * np.exp(-t / 0.5)
    assert (trace[:10] == 0).all()
    assert trace.max() == pytest.approx(1)
    assert np.allclose(trace[10:], shape / shape.max(), rtol=1e-6, atol=1e-9)


def test_decay_is_recovered_from_the_tail():
    spikes = np.zeros((1, 150))
    spikes[0, 0] = 1
    tail = respond(spikes, *roots(1.2, 0.1, RATE))[0, 40:140]
    slope = np.polyfit(np.arange(100) / RATE, np.log(tail), 1)[0]
    assert -1 / slope == pytest.approx(1.2, rel=0.01)


def test_without_a_rise_time_the_peak_comes_at_once():
    spikes = np.zeros((1, 20))
    spikes[0, 3] = 2
    trace = respond(spikes, *roots(0.5, 0.0, RATE))[0]
    assert trace.argmax() == 3 and trace[3] == pytest.approx(2)


def test_rates_and_bursts_are_as_asked():
    spikes = Calcium(events=0.3, burst=2.5, spread=0.5).spikes(3000, 900, RATE, np.random.default_rng(0))
    per_cell = spikes.sum(axis=1) / 30.0  # Hz
    assert per_cell.mean() == pytest.approx(0.3 * 2.5, rel=0.05)
    # events are Poisson in a gamma rate, bursts geometric: variance of the count n of spikes in time D
    mean = 0.3 * 30
    events = mean + (0.5 * mean) ** 2
    burst = (1 - 1 / 2.5) * 2.5**2
    assert spikes.sum(axis=1).var() == pytest.approx(mean * burst + events * 2.5**2, rel=0.15)


def test_amplitude_and_saturation():
    model = Calcium(amplitude=0.4, saturation=2.0, events=3.0, burst=20)
    linear = Calcium(amplitude=0.4, events=3.0, burst=20).draw(5, 300, RATE, np.random.default_rng(0)).traces
    bent = model.draw(5, 300, RATE, np.random.default_rng(0)).traces
    assert linear.max() > 4 and bent.max() < 2
    assert np.allclose(bent, linear / (1 + linear / 2), rtol=1e-5)


@pytest.mark.parametrize("knobs", [{"decay": 0}, {"rise": 0.6}, {"events": 0}, {"burst": 0.5}, {"saturation": 0.0}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Calcium(**knobs)


def test_decay_within_a_frame():
    with pytest.raises(UserError, match="half a frame"):
        Calcium(decay=0.1, rise=0.0).draw(1, 10, 2.0, np.random.default_rng(0))
