"""Indicators against their equations, and against neurons recorded electrically at the same time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy.ndimage import gaussian_filter1d

from detectnmf.errors import UserError
from detectnmf.simulate.traces.calcium import Calcium
from detectnmf.simulate.traces.indicator import Indicator, respond, roots
from detectnmf.simulate.traces.recorded import resting
from detectnmf.simulate.traces.recordings import read

RATE = 30.0
PRESETS = Path(__file__).parents[2] / "configs" / "activity"


def light(indicator, spikes, rate=RATE):
    """(T,) fluorescence that (T,) spikes cause."""
    return indicator.fluorescence(np.concatenate([np.zeros(indicator.memory(rate)), spikes])[None], rate)[0]


def preset(name):
    knobs = OmegaConf.load(PRESETS / f"{name}.yaml")
    return Indicator(**{knob: knobs[knob] for knob in ("decay", "rise", "amplitude", "hill", "saturation")})


def test_one_spike_rises_and_decays_as_said():
    spikes = np.zeros((1, 200))
    spikes[0, 10] = 1
    trace = respond(spikes, *roots(0.5, 0.06, RATE))[0]
    t = (np.arange(190) + 1) / RATE
    shape = (1 - np.exp(-t / 0.06)) * np.exp(-t / 0.5)
    assert (trace[:10] == 0).all()
    assert trace.max() == pytest.approx(1)
    assert np.allclose(trace[10:], shape / shape.max(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("hill", [1.0, 1.8])
def test_decay_is_that_of_the_fluorescence(hill):
    tail = light(Indicator(decay=1.2, rise=0.1, hill=hill), np.eye(1, 150)[0])[60:140]
    slope = np.polyfit(np.arange(80) / RATE, np.log(tail), 1)[0]
    assert -1 / slope == pytest.approx(1.2, rel=0.01)


def test_without_a_rise_time_the_peak_comes_at_once():
    spikes = np.zeros((1, 20))
    spikes[0, 3] = 2
    trace = respond(spikes, *roots(0.5, 0.0, RATE))[0]
    assert trace.argmax() == 3 and trace[3] == pytest.approx(2)


@pytest.mark.parametrize("hill", [0.8, 1.0, 2.2])
@pytest.mark.parametrize("saturation", [None, 1.0])
def test_peak_of_one_spike_is_the_amplitude(hill, saturation):
    indicator = Indicator(amplitude=0.4, hill=hill, saturation=saturation)
    assert light(indicator, np.eye(1, 60)[0]).max() == pytest.approx(0.4, rel=1e-6)


@pytest.mark.parametrize(("hill", "saturation"), [(1.8, None), (1.0, 3.0), (1.8, 3.0)])
def test_spikes_add_up_as_the_hill_equation_says(hill, saturation):
    """Three at once have a calcium of three: S 3ʰ / (3ʰ + S/A - 1)."""
    peak = light(Indicator(amplitude=0.4, hill=hill, saturation=saturation), 3 * np.eye(1, 60)[0]).max()
    want = 0.4 * 3**hill if saturation is None else saturation * 3**hill / (3**hill + saturation / 0.4 - 1)
    assert peak == pytest.approx(want, rel=1e-5)


def test_saturation_is_never_exceeded():
    trace = light(Indicator(amplitude=0.4, hill=2.0, saturation=2.0), np.full(200, 50))
    assert 1.99 < trace.max() <= 2.0


def test_cells_are_worked_on_in_groups(monkeypatch):
    model, rng = Calcium(), np.random.default_rng
    whole = model.draw(7, 100, RATE, rng(0)).traces
    monkeypatch.setattr("detectnmf.simulate.traces.indicator.groups", lambda n, frames: (slice(k, min(k + 2, n)) for k in range(0, n, 2)))
    assert np.array_equal(model.draw(7, 100, RATE, rng(0)).traces, whole)


def test_spikes_stand_where_the_light_rises():
    activity = Calcium(burst=1.0, rise=0.0, events=0.1).draw(50, 600, RATE, np.random.default_rng(0))
    slow = roots(0.5, 0.0, RATE)[0]
    innovation = activity.traces[:, 1:] - slow * activity.traces[:, :-1]
    assert activity.spikes[:, 1:].sum() > 50
    assert np.allclose(innovation, 0.35 * activity.spikes[:, 1:], atol=1e-5)


@pytest.mark.parametrize(
    "knobs",
    [{"decay": 0.0}, {"rise": 0.6}, {"amplitude": -1.0}, {"hill": 0.0}, {"saturation": 0.2}, {"events": 0.0}, {"burst": 0.5}],
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=rf"^activity\.{next(iter(knobs))} must be [^\n]+$"):
        Calcium(**knobs)


def test_decay_within_a_frame():
    Calcium(decay=0.1, rise=0.0).draw(1, 10, 10.0, np.random.default_rng(0))
    with pytest.raises(UserError, match=r"^activity\.decay = 0\.02 s is shorter than a frame at 15 Hz; raise it or sim\.rate$"):
        Calcium(decay=0.02, rise=0.0).draw(1, 10, 15.0, np.random.default_rng(0))
    with pytest.raises(UserError, match=r"^activity\.indicator\.decay"):
        light(Indicator(decay=0.02, rise=0.0), np.zeros(5))


@pytest.mark.parametrize(
    ("name", "half_rise", "half_decay"),
    [("gcamp8f", 0.0071, 0.0674), ("gcamp8m", 0.0071, 0.1183), ("gcamp8s", 0.0101, 0.3067)],
)
def test_kinetics_of_jgcamp8(name, half_rise, half_decay):
    """Half-rise and half-decay times as published (Zhang et al. 2023), at 10 kHz."""
    trace = light(preset(name), np.eye(1, 20000)[0], 1e4)
    above = np.flatnonzero(trace > trace.max() / 2) / 1e4
    assert above[0] == pytest.approx(half_rise, rel=0.15)
    assert above[-1] - trace.argmax() / 1e4 == pytest.approx(half_decay, rel=0.1)


def likeness(indicator, take):
    """Correlation of a recorded dF/F with what an indicator makes of the spikes recorded with it."""
    frames = (take.spikes * take.rate).astype(int)
    model = light(indicator, np.bincount(frames, minlength=len(take.trace)), take.rate)
    real = gaussian_filter1d(take.trace, 0.05 * take.rate)
    return np.corrcoef(*(trace - resting(trace, take.rate, 60.0) for trace in (model, real)))[0, 1]


@pytest.mark.parametrize(
    ("folder", "name", "least"),
    [
        ("DS09-GCaMP6f-m-V1", "gcamp6f", 0.88),
        ("DS16-GCaMP6s-m-V1", "gcamp6s", 0.82),
        ("DS17-GCaMP5k-m-V1", "gcamp6m", 0.85),
        ("DS19-jRCaMP1a-m-V1", "jrcamp1a", 0.72),
    ],
)
def test_real_neurons(data_dir, folder, name, least):
    takes = read(data_dir / "spikes" / folder, None)
    found = np.mean([likeness(preset(name), take) for take in takes])
    assert found > least
    # and the kinetics are to be heard in the data: half of the decay, or twice as long, fits worse
    for factor in (0.5, 2.0):
        other = preset(name)
        other = Indicator(factor * other.decay, other.rise * min(factor, 1), other.amplitude, other.hill, other.saturation)
        assert np.mean([likeness(other, take) for take in takes]) < found
