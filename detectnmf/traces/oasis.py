"""The default reader: level at rest, dF/F, noise, and exact non-negative deconvolution down to the noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from detectnmf.errors import UserError
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.signals import Signals
from detectnmf.traces import spectrum
from detectnmf.traces.baseline import RunningPercentile
from detectnmf.traces.decay import best_decay, liveliest
from detectnmf.traces.deconvolve import deconvolve
from detectnmf.traces.levels import resting_level
from detectnmf.traces.project import background_traces, raw_traces

ASKED = 50  # of the first cells, for the decay that all share
STRETCH = 2000  # frames of each in which the decay is searched
COPIES = 24  # of a trace, in memory
FEWEST = 10  # valid frames from which a trace is deconvolved
HELD = 3.0  # times the noise: dF/F divides by no less
FLAT = 1e-6  # of its largest value: a deviation that is none


@dataclass(frozen=True)
class Rested:
    """n traces and where they rest.

    Args:
        raw: (n, T). level: (n, T) at which each rests. noise: (n,).
        slowest: (n,) decay by the autocovariance, frames.
        alive: (n,) False for a trace without variance.
    """

    raw: np.ndarray
    level: np.ndarray
    noise: np.ndarray
    slowest: np.ndarray
    alive: np.ndarray

    @property
    def y(self) -> np.ndarray:
        return self.raw - self.level

    def decay(self) -> np.ndarray:
        """(n,) frames; NaN for a trace without variance."""
        found = np.full(len(self.raw), np.nan)
        some = liveliest(self.y[self.alive], STRETCH)
        found[self.alive] = best_decay(some, self.noise[self.alive], self.slowest[self.alive])
        return found

    def common_decay(self) -> float | None:
        """Median over the traces, each as heavy as the share of its variance that is no noise; None without any (frames)."""
        heavy = np.where(self.alive, 1 - self.noise**2 / np.maximum(self.y.var(axis=1, dtype=np.float64), 1e-300), 0).clip(0)
        if not heavy.any():
            return None
        decay = self.decay()
        order = np.argsort(decay)
        return float(decay[order][np.searchsorted(np.cumsum(heavy[order]), heavy.sum() / 2)])


@dataclass(frozen=True)
class Oasis:
    """Deconvolution by an autoregressive process of order 1 (a decay) or 2 (a rise and a decay); CNMF, OASIS.

    Spikes cost a penalty that leaves a residual as large as the noise, and no less than `floor`, below which noise alone would spike: what
    no transient explains, drift or neuropil, is in the residual, too. Or they are at least `min_spike` noise levels high, without penalty.

    Args:
        decay: time constant of a transient (s); None finds it in the recording.
        rise: time constant of its rise (s), which makes the order 2; None for a jump.
        shared: all cells share the decay that is found, the median of what the first ones show; else each has its own.
        floor: of the penalty, in units of what the noise is in a transient's matched filter: σ √Σh², h one spike's transient.
        min_spike: least spike, times the noise; 0 takes the penalty.
        baseline: of the level at rest.
    """

    decay: float | None = None
    rise: float | None = None
    shared: bool = True
    floor: float = 1.5
    min_spike: float = 0.0
    baseline: RunningPercentile = field(default_factory=RunningPercentile)

    def __post_init__(self) -> None:
        if self.decay is not None and not self.decay > 0:
            raise UserError(f"traces.decay must be above 0 s, got {self.decay}; GCaMP6f 0.4-0.7, GCaMP6s 1.25-1.5; null finds it")
        if self.rise is not None and not 0 < self.rise < (np.inf if self.decay is None else self.decay):
            raise UserError(f"traces.rise must be above 0 s and below traces.decay, got {self.rise}; null for none")
        for name in ("floor", "min_spike"):
            if not getattr(self, name) >= 0:
                raise UserError(f"traces.{name} must be 0 or more (times the noise), got {getattr(self, name)}")

    def __call__(self, result: DemixResult, runtime: Runtime) -> Signals:
        """See `Reader`."""
        movie, (frames, cells) = result.movie, (result.shape[0], len(result.cells))
        if not (np.isfinite(result.rate) and result.rate > 0):
            raise UserError(f"{result.name}: the frame rate is {result.rate} Hz; without one traces have no time: give rate=")
        if movie is None or result.cells.traces is None:
            raise UserError(f"{result.name}: the result holds no {'movie' if movie is None else 'traces'}: there is nothing to read")
        valid = np.ones(frames, bool) if movie.bad_frames is None else ~movie.bad_frames
        decay = None if self.decay is None else self.decay * result.rate
        if decay is None and self.shared and cells and valid.sum() >= FEWEST:
            decay = self._rested(result, np.arange(min(ASKED, cells)), valid).common_decay()
        step = runtime.batch(COPIES * 4 * frames)
        parts = [self._read(result, np.arange(first, min(first + step, cells)), valid, decay) for first in range(0, max(cells, 1), step)]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Signals(**joined, valid=valid, method=self._method(decay, result.rate))

    def _rested(self, result: DemixResult, cells: np.ndarray, valid: np.ndarray) -> Rested:
        raw = raw_traces(result, cells)
        assert raw is not None
        raw = np.ascontiguousarray(raw)
        deviation = raw[:, valid].std(axis=1) if valid.any() else np.zeros(len(raw))
        alive = deviation > FLAT * np.abs(raw).max(axis=1, initial=0)
        level = self.baseline(raw, result.rate, valid)
        noise, slowest = np.zeros(len(raw)), np.ones(len(raw))
        if alive.any() and valid.sum() >= FEWEST:
            above = raw[alive] - level[alive]
            covariance = spectrum.autocovariance(above, min(spectrum.LAGS, raw.shape[1] // 2))
            g = spectrum.coefficients(covariance)
            noise[alive] = np.maximum(spectrum.noise_of(above, g, covariance), FLAT * deviation[alive])
            slowest[alive] = -1 / np.log(g[:, 0])
            seen = torch.from_numpy(np.ascontiguousarray(above[:, valid]))
            level[alive] += resting_level(seen, torch.from_numpy(noise[alive])).numpy()[:, None]
        return Rested(raw, level, noise, slowest, alive & (valid.sum() >= FEWEST))

    def _read(self, result: DemixResult, cells: np.ndarray, valid: np.ndarray, decay: float | None) -> dict[str, np.ndarray]:
        """Every array of `Signals` that has a row for each cell."""
        rested, under = self._rested(result, cells, valid), background_traces(result, cells)
        assert under is not None
        alive, y = rested.alive, rested.y
        g = np.zeros((len(cells), 1 if self.rise is None else 2))
        g[alive] = self._coefficients(rested.decay()[alive] if decay is None else np.full(alive.sum(), decay), result.rate)
        denoised, spikes = np.zeros_like(y), np.zeros_like(y)
        if alive.any():
            noise = rested.noise[alive]
            if self.min_spike:
                found = deconvolve(y[alive], g[alive], valid=valid, least=self.min_spike * noise)
            else:
                found = deconvolve(y[alive], g[alive], noise, valid, penalty=self.floor * noise * np.sqrt(spectrum.transfer(g[alive], 0.0)))
            denoised[alive], spikes[alive] = found.c, found.s
        middle = RunningPercentile(50.0, self.baseline.window, self.baseline.mean)
        baseline = rested.level + middle(under, result.rate, valid)
        held = np.maximum(HELD * rested.noise, FLAT * np.abs(baseline).max(axis=1, initial=0) + 1e-30)[:, None]
        low = (baseline < held).any(axis=1)
        words = {
            "short": np.full(len(cells), valid.sum() < FEWEST),
            "flat": ~alive & (valid.sum() >= FEWEST),
            "silent": alive & ~spikes.any(axis=1),
            "low_baseline": low,
        }
        flag = ["+".join(word for word, which in words.items() if which[row]) or "ok" for row in range(len(cells))]
        return {
            "raw": rested.raw,
            "baseline": baseline,
            "dff": (y / np.maximum(baseline, held)).astype(np.float32),
            "denoised": denoised,
            "spikes": spikes,
            "noise": rested.noise.astype(np.float32),
            "g": g,
            "flag": np.array(flag, dtype=np.str_),
        }

    def _coefficients(self, decay: np.ndarray, rate: float) -> np.ndarray:
        """(n, p) for decays (n,) in frames."""
        slow = np.clip(np.exp(-1 / decay), spectrum.LEAST, spectrum.MOST)
        if self.rise is None:
            return slow[:, None]
        fast = np.minimum(np.exp(-1 / (self.rise * rate)), slow)
        return spectrum.of_roots(np.stack([fast, slow], axis=1))

    def _method(self, decay: float | None, rate: float) -> dict[str, object]:
        return {
            "deconvolution": f"autoregressive, order {1 if self.rise is None else 2}, non-negative",
            "sparsity": f"spikes of at least {self.min_spike:g} noise levels"
            if self.min_spike
            else f"penalty that leaves the noise as residual, at least {self.floor:g} times the noise of a transient's matched filter",
            "decay": None if decay is None else round(decay / rate, 4),
            "decay_from": "given" if self.decay is not None else "median of cells" if self.shared else "each cell",
            "rise": self.rise,
            "noise": "power above a quarter of the frame rate, without what transients leave there",
            "baseline": f"{self.baseline.percentile:g}th percentile of means over {self.baseline.mean:g} s in a running window of "
            f"{self.baseline.window:g} s, set to where frames at rest lie; plus the background's running median",
        }
