"""From spikes to fluorescence: rise, decay, nonlinearity and saturation of a calcium indicator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.signal import lfilter

from detectnmf.errors import UserError


def groups(n: int, frames: int, most: int = 4_000_000) -> Iterator[slice]:
    """Slices of n cells, so few at a time that float64 temporaries stay small."""
    step = max(1, most // max(frames, 1))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def roots(decay: float, rise: float, rate: float) -> tuple[float, float]:
    """The two roots, per frame, of an AR(2) process with decay and rise times in s; the response is (1 - e^(-t/rise)) e^(-t/decay)."""
    slow = float(np.exp(-1 / (rate * decay)))
    fast = float(np.exp(-(1 / decay + 1 / rise) / rate)) if rise > 0 else 0.0
    return slow, fast


def respond(spikes: np.ndarray, slow: float, fast: float) -> np.ndarray:
    """(K, T) spikes -> (K, T) calcium, one spike peaking at 1; c[t] = (slow+fast) c[t-1] - slow·fast c[t-2] + s[t]."""
    tail = np.arange(1, 1 + max(2, int(np.ceil(5 / -np.log(slow)))))
    single = (slow**tail - fast**tail) / (slow - fast)
    calcium = np.asarray(lfilter([1.0], [1.0, -(slow + fast), slow * fast], spikes, axis=-1))
    calcium /= single.max()
    return np.maximum(calcium, 0, out=calcium)  # rounding leaves the odd -1e-17


@dataclass(frozen=True)
class Indicator:
    """Calcium c, to which each spike adds a rise and a decay, and the fluorescence it gives.

    dF/F = S cʰ / (cʰ + S/amplitude - 1), the Hill equation with c in units of a single spike's peak; amplitude · cʰ without saturation.
    The calcium itself decays with hill · decay, so that the fluorescence after a single spike decays with `decay`, whatever h is.

    Args:
        decay: decay time constant of a single spike's fluorescence (s).
        rise: rise time constant (s); 0 rises within a frame.
        amplitude: peak dF/F of a single spike.
        hill: exponent h; 1 is linear, above 1 spikes close together add up to more than their sum (GCaMP).
        saturation: dF/F S that is never exceeded; None for an indicator that does not saturate.
    """

    decay: float = 0.5
    rise: float = 0.06
    amplitude: float = 0.35
    hill: float = 1.0
    saturation: float | None = None

    where: ClassVar[str] = "activity.indicator"  # what its knobs are called in messages

    def __post_init__(self) -> None:
        for name in ("decay", "amplitude", "hill"):
            if not getattr(self, name) > 0:
                raise UserError(f"{self.where}.{name} must be above 0, got {getattr(self, name)}")
        if not 0 <= self.rise < self.decay:
            raise UserError(f"{self.where}.rise must be 0 s or more and below {self.where}.decay = {self.decay} s, got {self.rise}")
        if self.saturation is not None and not self.saturation > self.amplitude:
            raise UserError(
                f"{self.where}.saturation must be above {self.where}.amplitude = {self.amplitude}, got {self.saturation}; "
                "leave it null for an indicator that does not saturate"
            )

    def memory(self, rate: float) -> int:
        """Frames after which a spike is all but forgotten: five time constants of the calcium.

        Raises:
            UserError: the decay is shorter than a frame.
        """
        if self.decay * rate < 1:
            raise UserError(f"{self.where}.decay = {self.decay:g} s is shorter than a frame at {rate:g} Hz; raise it or sim.rate")
        return int(np.ceil(5 * self.hill * self.decay * rate))

    def fluorescence(self, spikes: np.ndarray, rate: float) -> np.ndarray:
        """(K, T) spikes in frames at `rate` Hz -> (K, T) float32 dF/F, after the first `memory` frames, which are left out."""
        before = self.memory(rate)
        traces = np.empty((len(spikes), spikes.shape[1] - before), np.float32)
        for group in groups(*spikes.shape):
            calcium = respond(spikes[group], *roots(self.hill * self.decay, self.rise, rate))[:, before:]
            if self.hill != 1:
                np.power(calcium, self.hill, out=calcium)
            if self.saturation is None:
                np.multiply(calcium, self.amplitude, out=traces[group], casting="same_kind")
            else:
                half = self.saturation / self.amplitude - 1
                np.divide(self.saturation * calcium, calcium + half, out=traces[group], casting="same_kind")
        return traces
