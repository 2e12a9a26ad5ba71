"""Calcium indicators: spikes, each followed by a rise and a decay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from detectnmf.errors import UserError
from detectnmf.simulate.traces.base import Activity


def roots(decay: float, rise: float, rate: float) -> tuple[float, float]:
    """The two roots, per frame, of an AR(2) process with decay and rise times in s; the response is (1 - e^(-t/rise)) e^(-t/decay)."""
    slow = float(np.exp(-1 / (rate * decay)))
    fast = float(np.exp(-(1 / decay + 1 / rise) / rate)) if rise > 0 else 0.0
    return slow, fast


def respond(spikes: np.ndarray, slow: float, fast: float) -> np.ndarray:
    """(K, T) spikes -> (K, T) calcium, one spike peaking at 1; c[t] = (slow+fast) c[t-1] - slow·fast c[t-2] + s[t]."""
    tail = np.arange(1, 1 + max(2, int(np.ceil(5 / -np.log(slow)))))
    single = (slow**tail - fast**tail) / (slow - fast)
    calcium = lfilter([1.0], [1.0, -(slow + fast), slow * fast], spikes, axis=-1)
    return np.asarray(calcium / single.max())


@dataclass(frozen=True)
class Calcium:
    """Poisson events, some of them bursts, seen through an indicator's rise and decay.

    Args:
        decay: decay time constant (s).
        rise: rise time constant (s); 0 rises within a frame.
        amplitude: peak dF/F of a single spike.
        events: events per second, mean over cells.
        spread: of the event rate over cells: its standard deviation relative to the mean (gamma distributed).
        burst: spikes per event, mean (geometric); 1 for single spikes.
        interval: time between the spikes of a burst, mean (s).
        saturation: dF/F that is never exceeded; None for a linear indicator.
    """

    decay: float = 0.5
    rise: float = 0.06
    amplitude: float = 0.35
    events: float = 0.2
    spread: float = 0.6
    burst: float = 3.0
    interval: float = 0.03
    saturation: float | None = None

    def __post_init__(self) -> None:
        for name in ("decay", "amplitude", "events", "spread", "interval"):
            if not getattr(self, name) > 0:
                raise UserError(f"activity.{name} must be above 0, got {getattr(self, name)}")
        if not 0 <= self.rise < self.decay:
            raise UserError(f"activity.rise must be 0 s or more and below activity.decay = {self.decay} s, got {self.rise}")
        if self.burst < 1:
            raise UserError(f"activity.burst must be 1 spike per event or more, got {self.burst}")
        if self.saturation is not None and self.saturation <= 0:
            raise UserError(f"activity.saturation must be above 0, got {self.saturation}; leave it null for a linear indicator")

    def spikes(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
        """(n, frames) uint16, spikes in each frame."""
        shape = self.spread**-2
        rates = rng.gamma(shape, self.events / shape, n)  # Hz
        counts = rng.poisson(rates * frames / rate)
        cell = np.repeat(np.arange(n), counts)
        onset = rng.uniform(0, frames / rate, len(cell))  # s
        members = rng.geometric(1 / self.burst, len(cell))
        cell, onset = np.repeat(cell, members), np.repeat(onset, members)
        ends = np.cumsum(members)
        rank = np.arange(len(cell)) - np.repeat(ends - members, members)
        # the k-th spike of a burst comes after the sum of k exponential intervals
        frame = ((onset + rng.standard_gamma(np.maximum(rank, 1e-9)) * self.interval) * rate).astype(np.int64)
        inside = frame < frames
        flat = np.bincount(cell[inside] * frames + frame[inside], minlength=n * frames)
        return flat.reshape(n, frames).astype(np.uint16)

    def draw(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """n cells over `frames` frames at `rate` Hz, already active before the first frame.

        Raises:
            UserError: the decay is shorter than half a frame.
        """
        if self.decay * rate < 0.5:
            raise UserError(f"activity.decay = {self.decay} s is shorter than half a frame at {rate} Hz; raise decay or sim.rate")
        before = int(np.ceil(5 * self.decay * rate))
        spikes = self.spikes(n, before + frames, rate, rng)
        traces = self.amplitude * respond(spikes, *roots(self.decay, self.rise, rate))
        if self.saturation is not None:
            traces = traces / (1 + traces / self.saturation)
        return Activity(np.maximum(traces[:, before:], 0).astype(np.float32), spikes[:, before:])
