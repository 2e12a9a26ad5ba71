"""The default reader: level at rest, dF/F, noise, and exact non-negative deconvolution down to the noise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from detectnmf.errors import UserError
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.signals import Signals
from detectnmf.traces import spectrum
from detectnmf.traces.baseline import RunningPercentile
from detectnmf.traces.deconvolve import deconvolve
from detectnmf.traces.project import background_traces, raw_traces
from detectnmf.traces.rest import FEWEST, FLAT, Rested

ASKED = 30  # of the first cells, for the decay that all share
COPIES, SHARE = 24, 0.25  # of a trace in memory; of the memory
HELD = 3.0  # times the noise: dF/F divides by no less


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
        check_rate(result.rate, result.name)
        if movie is None or result.cells.traces is None:
            raise UserError(f"{result.name}: the result holds no {'movie' if movie is None else 'traces'}: there is nothing to read")
        valid = np.ones(frames, bool) if movie.bad_frames is None else ~movie.bad_frames
        signed = bool((result.cells.traces < 0).any())
        known = self
        if self.decay is None and self.shared and cells:
            raw = raw_traces(result, np.arange(min(ASKED, cells)))
            assert raw is not None
            known = self._with_decay(Rested.of(raw, result.rate, valid, self.baseline, signed), result.rate)
        step = max(1, int(SHARE * runtime.host_budget / (COPIES * 4 * frames)))
        parts = []
        for first in range(0, max(cells, 1), step):
            some = np.arange(first, min(first + step, cells))
            raw, light = raw_traces(result, some), background_traces(result, some)
            assert raw is not None and light is not None
            parts.append(known._read(Rested.of(raw, result.rate, valid, self.baseline, signed), light, result.rate, valid))
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Signals(**joined, valid=valid, method=self._method(known.decay))

    def read(self, raw: np.ndarray, rate: float, light: np.ndarray | None = None, valid: np.ndarray | None = None) -> Signals:
        """The same of traces (K, T) from anywhere.

        Args:
            rate: Hz. light: (K, T) beneath the traces, which F0 contains; by default they are the whole light.
            valid: (T,) frames with data.

        Raises:
            UserError: not (K, T), not finite, or no rate.
        """
        check_rate(rate, "the traces")
        raw = np.asarray(raw)
        valid = np.ones(raw.shape[-1], bool) if valid is None else valid
        if raw.ndim != 2:
            raise UserError(f"traces must be (K, T), got {raw.shape}; a single trace? pass traces[None]")
        if not np.isfinite(raw[:, valid]).all():
            raise UserError("traces must be finite; name the frames that are not by valid=")
        light = np.zeros(raw.shape, np.float32) if light is None else light
        rested = Rested.of(bridged(raw, valid), rate, valid, self.baseline)
        known = self._with_decay(rested.of_first(ASKED), rate) if self.decay is None and self.shared else self
        return Signals(**known._read(rested, light, rate, valid), valid=valid, method=self._method(known.decay))

    def sharing(self, raw: np.ndarray, rate: float, valid: np.ndarray | None = None) -> Oasis:
        """This reader with the decay that traces (K, T) share, where it is to find one for all: for those that come one by one."""
        if self.decay is not None or not self.shared or not len(raw):
            return self
        valid = np.ones(raw.shape[1], bool) if valid is None else valid
        return self._with_decay(Rested.of(bridged(raw[:ASKED], valid), rate, valid, self.baseline), rate)

    def _with_decay(self, rested: Rested, rate: float) -> Oasis:
        """With the decay that the traces share."""
        common = rested.common_decay()
        return self if common is None else replace(self, decay=max(common / rate, 1.001 * (self.rise or 0)))

    def _read(self, rested: Rested, light: np.ndarray, rate: float, valid: np.ndarray) -> dict[str, np.ndarray]:
        """Every array of `Signals` that has a row for each cell."""
        alive, y = rested.alive, rested.y
        g = np.zeros((len(y), 1 if self.rise is None else 2))
        g[alive] = self._coefficients(rested.decay()[alive] if self.decay is None else np.full(alive.sum(), self.decay * rate), rate)
        denoised, spikes = np.zeros_like(y), np.zeros_like(y)
        if alive.any():
            noise = rested.noise[alive]
            if self.min_spike:
                found = deconvolve(y[alive], g[alive], valid=valid, least=self.min_spike * noise)
            else:
                matched = noise * np.sqrt(spectrum.transfer(g[alive], 0.0))
                found = deconvolve(y[alive], g[alive], noise, valid, penalty=self.floor * matched)
            denoised[alive], spikes[alive] = found.c, found.s
        baseline = rested.level + replace(self.baseline, percentile=50.0)(light, rate, valid)
        held = np.maximum(HELD * rested.noise, FLAT * np.abs(baseline).max(axis=1, initial=0) + 1e-30)[:, None]
        few = int(valid.sum()) < FEWEST
        words = {
            "short": np.full(len(y), few),
            "flat": ~alive & (not few),
            "silent": alive & ~spikes.any(axis=1),
            "low_baseline": (baseline < held).any(axis=1),
        }
        flag = ["+".join(word for word, which in words.items() if which[row]) or "ok" for row in range(len(y))]
        return {
            "raw": rested.raw,
            "baseline": baseline.astype(np.float32),
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

    def _method(self, decay: float | None) -> dict[str, object]:
        """What is to be known; `decay` (s) the one that all share."""
        return {
            "deconvolution": f"autoregressive, order {1 if self.rise is None else 2}, non-negative",
            "sparsity": f"spikes of at least {self.min_spike:g} noise levels"
            if self.min_spike
            else f"penalty that leaves the noise as residual, at least {self.floor:g} times the noise of a transient's matched filter",
            "decay": None if decay is None else round(decay, 4),
            "decay_from": "given" if self.decay is not None else "median of cells" if self.shared else "each cell",
            "rise": self.rise,
            "noise": "power above a quarter of the frame rate, without what transients leave there",
            "baseline": f"{self.baseline.percentile:g}th percentile of means over {self.baseline.mean:g} s in a running window of "
            f"{self.baseline.window:g} s, set to where frames at rest lie; plus the background's running median",
        }


def check_rate(rate: float, name: str) -> None:
    """Raises UserError for a rate that is none."""
    if not (np.isfinite(rate) and rate > 0):
        raise UserError(f"{name}: the frame rate is {rate} Hz; without one traces have no time: give rate=")


def bridged(raw: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(K, T) straight lines over frames that are not valid (T,); zeros where none is."""
    if valid.all():
        return raw
    times, known = np.arange(raw.shape[1]), np.flatnonzero(valid)
    return np.stack([np.interp(times, known, row[known]) if len(known) else np.zeros(len(row)) for row in raw])
