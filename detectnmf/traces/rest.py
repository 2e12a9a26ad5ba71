"""Where traces rest, how large their noise is, how fast they decay: all that deconvolution must know before it begins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from detectnmf.traces import spectrum
from detectnmf.traces.baseline import RunningPercentile
from detectnmf.traces.decay import SERVES, best_decay, liveliest
from detectnmf.traces.levels import resting_level

FEWEST = 10  # valid frames from which a trace is deconvolved
STRETCH = 2000  # frames of a trace in which its decay is searched
FLAT = 1e-6  # of its largest value: a deviation that is none


@dataclass(frozen=True)
class Rested:
    """K traces and where they rest.

    Args:
        raw: (K, T) float32. level: (K, T) at which each rests. noise: (K,).
        slowest: (K,) decay by the autocovariance, frames.
        alive: (K,) False for a trace without variance, or with too few valid frames.
    """

    raw: np.ndarray
    level: np.ndarray
    noise: np.ndarray
    slowest: np.ndarray
    alive: np.ndarray

    @classmethod
    def of(cls, raw: np.ndarray, rate: float, valid: np.ndarray, baseline: RunningPercentile, signed: bool = False) -> Rested:
        """From (K, T) traces at `rate` Hz; `signed` where they fall as well as rise, and so rest in the middle."""
        raw = np.ascontiguousarray(raw, np.float32)
        enough = int(valid.sum()) >= FEWEST
        deviation = raw[:, valid].std(axis=1, dtype=np.float64) if enough else np.zeros(len(raw))
        alive = deviation > FLAT * np.abs(raw).max(axis=1, initial=0)
        level = (replace(baseline, percentile=50.0) if signed else baseline)(raw, rate, valid)
        noise, slowest = np.zeros(len(raw)), np.ones(len(raw))
        if alive.any():
            above = raw[alive] - level[alive]
            covariance = spectrum.autocovariance(above, min(spectrum.LAGS, raw.shape[1] // 2))
            g = spectrum.coefficients(covariance)
            noise[alive] = np.maximum(spectrum.noise_of(above, g, covariance), FLAT * deviation[alive])
            slowest[alive] = -1 / np.log(g[:, 0])
            seen = torch.from_numpy(np.ascontiguousarray(above[:, valid]))
            level[alive] += resting_level(seen, torch.from_numpy(noise[alive]), signed).numpy()[:, None]
        return cls(raw, level, noise, slowest, alive)

    def of_first(self, few: int) -> Rested:
        """The first few traces."""
        return Rested(*(getattr(self, name)[:few] for name in ("raw", "level", "noise", "slowest", "alive")))

    @property
    def y(self) -> np.ndarray:
        """(K, T) at rest at 0."""
        return self.raw - self.level

    def decay(self, caution: tuple[float, float] = SERVES) -> np.ndarray:
        """(K,) frames; NaN for a trace that is not alive. `caution` as in `best_decay`."""
        found = np.full(len(self.raw), np.nan)
        some = liveliest(self.y[self.alive], STRETCH)
        found[self.alive] = best_decay(some, self.noise[self.alive], self.slowest[self.alive], caution)
        return found

    def common_decay(self, caution: tuple[float, float] = SERVES) -> float | None:
        """Median over the traces, each as heavy as the share of its variance that is no noise; None without any (frames)."""
        heavy = np.where(self.alive, 1 - self.noise**2 / np.maximum(self.y.var(axis=1, dtype=np.float64), 1e-300), 0).clip(0)
        if not heavy.any():
            return None
        decay = self.decay(caution)
        order = np.argsort(decay)
        return float(decay[order][np.searchsorted(np.cumsum(heavy[order]), heavy.sum() / 2)])
