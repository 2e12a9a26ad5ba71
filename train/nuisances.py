"""What looks like activity and is none: noise, drift, movement, light and interference on a trace.

Each function gives (n, T) float32 of unit size; `size` in SIZES says how large they are drawn, in units of the white noise at 10 Hz.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d

from detectnmf.simulate.traces.base import TraceModel

Nuisance = Callable[[int, int, float, np.random.Generator], np.ndarray]


def unit(values: np.ndarray) -> np.ndarray:
    """Mean 0, standard deviation 1."""
    values = values - values.mean(axis=1, keepdims=True)
    return np.asarray(values / np.maximum(values.std(axis=1, keepdims=True), 1e-12), np.float32)


def pink(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of power 1/f^a, a from 0.5 to 1.5, flat below 1/60 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal((n, frames)), axis=1)
    frequency = np.maximum(np.fft.rfftfreq(frames, 1 / rate), 1 / 60)
    return unit(np.fft.irfft(spectrum * frequency ** (-rng.uniform(0.25, 0.75, (n, 1))), frames, axis=1))


def fluctuation(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """A background that comes and goes over 0.5 to 20 s, as smooth up as down."""
    width = np.exp(rng.uniform(np.log(0.5), np.log(20.0))) * rate
    return unit(gaussian_filter1d(rng.standard_normal((n, frames)), width, axis=1, mode="wrap"))


def steps(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """The field moves: the level jumps, and stays or comes back after 0.2 to 10 s."""
    out = np.zeros((n, frames), np.float32)
    for row in out:
        for start in rng.integers(0, frames, 1 + rng.poisson(0.03 * frames / rate)):
            length = frames if rng.random() < 0.3 else max(2, int(np.exp(rng.uniform(np.log(0.2), np.log(10.0))) * rate))
            row[start : start + length] += rng.normal()
    return out


def blips(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """One or two frames far off, up or down."""
    out = np.zeros((n, frames), np.float32)
    row, at = np.nonzero(rng.random((n, frames)) < rng.uniform(0.01, 0.1, (n, 1)) / rate)
    height = rng.choice([-1, 1], len(row), p=[0.35, 0.65]) * rng.uniform(0.3, 1.5, len(row))
    out[row, at] += height
    twice = (rng.random(len(row)) < 0.5) & (at + 1 < frames)
    out[row[twice], at[twice] + 1] += height[twice]
    return out


def bleaching(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Exponential decay of the resting light, sometimes a slow rise."""
    time = np.arange(frames) / rate
    tau = np.exp(rng.uniform(np.log(5.0), np.log(300.0), (n, 1)))
    return np.asarray(rng.choice([1, -0.5], (n, 1), p=[0.8, 0.2]) * np.exp(-time / tau), np.float32)


def periodic(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Breathing, heartbeat, or the mains as the camera aliases it: a wave, not always a sine, that waxes and wanes."""
    time = np.arange(frames) / rate
    frequency = np.exp(rng.uniform(np.log(0.1), np.log(min(10.0, rate / 2)), (n, 1)))
    phase = 2 * np.pi * frequency * time + rng.uniform(0, 2 * np.pi, (n, 1)) + 0.5 * fluctuation(n, frames, rate, rng)
    wave = np.sin(phase) + rng.uniform(0, 0.6, (n, 1)) * np.sin(2 * phase + rng.uniform(0, 2 * np.pi, (n, 1)))
    return unit(wave * (1 + rng.uniform(0, 0.5, (n, 1)) * fluctuation(n, frames, rate, rng)))


def artefacts(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Light of a stimulus: the same step again and again, of 0.1 to 3 s every 4 to 30 s."""
    time = np.arange(frames) / rate
    period, length = rng.uniform(4, 30, (n, 1)), np.exp(rng.uniform(np.log(0.1), np.log(3.0), (n, 1)))
    on = (time + rng.uniform(0, 30, (n, 1))) % period < length
    return np.asarray(rng.choice([-1, 1], (n, 1)) * on, np.float32)


def surges(n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Slow, symmetric hills of 0.7 to 6 s, up or down: out-of-focus light, a wave of blood."""
    out, time = np.zeros((n, frames), np.float32), np.arange(frames) / rate
    for row in out:
        for centre in rng.uniform(0, frames / rate, 1 + rng.poisson(0.05 * frames / rate)):
            width = np.exp(rng.uniform(np.log(0.7), np.log(6.0)))
            row += rng.choice([-1, 1]) * rng.uniform(0.3, 1.0) * np.exp(-0.5 * ((time - centre) / width) ** 2)
    return out


def neuropil(n: int, frames: int, rate: float, rng: np.random.Generator, model: TraceModel) -> np.ndarray:
    """What many other cells do, out of focus: a smoothed sum of 150 of them, each trace its own."""
    others = unit(model.draw(150, frames, rate, rng).traces)
    weights = rng.gamma(2.0, 1.0, (n, len(others))).astype(np.float32)
    return unit(gaussian_filter1d(weights @ others, np.exp(rng.uniform(np.log(0.3), np.log(2.0))) * rate, axis=1))


def dips(n: int, frames: int, rate: float, rng: np.random.Generator, model: TraceModel) -> np.ndarray:
    """Transients that go down: the surround of a neighbour that was subtracted too much."""
    traces = model.draw(n, frames, rate, rng).traces
    return np.asarray(-traces / np.maximum(traces.max(axis=1, keepdims=True), 1e-12), np.float32)


# from ... to, in units of the white noise at 10 Hz: standard deviation, or height
SIZES: dict[str, tuple[float, float]] = {
    "pink": (0.3, 2.0),
    "fluctuation": (0.3, 4.0),
    "steps": (1.0, 10.0),
    "blips": (3.0, 40.0),
    "bleaching": (2.0, 60.0),
    "periodic": (0.3, 3.0),
    "artefacts": (1.0, 10.0),
    "surges": (1.0, 8.0),
    "neuropil": (0.3, 2.0),
    "dips": (2.0, 15.0),
}
ALONE: dict[str, Nuisance] = {f.__name__: f for f in (pink, fluctuation, steps, blips, bleaching, periodic, artefacts, surges)}
OF_CELLS: dict[str, Callable[[int, int, float, np.random.Generator, TraceModel], np.ndarray]] = {"neuropil": neuropil, "dips": dips}


def nuisances(n: int, frames: int, rate: float, model: TraceModel, share: float, rng: np.random.Generator) -> np.ndarray:
    """(n, T) sum of nuisances; each is on a trace with probability `share`, at a size drawn for each trace."""
    total = np.zeros((n, frames), np.float32)
    for name, (low, high) in SIZES.items():
        hit = np.flatnonzero(rng.random(n) < share)
        if not len(hit):
            continue
        one = ALONE[name](len(hit), frames, rate, rng) if name in ALONE else OF_CELLS[name](len(hit), frames, rate, rng, model)
        total[hit] += one * np.exp(rng.uniform(np.log(low), np.log(high), (len(hit), 1))).astype(np.float32)
    return total
