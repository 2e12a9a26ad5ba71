"""The level at which a trace rests, over time: bleaching and drift are followed, transients are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError

KNOTS = 8  # per window, at which the percentile is taken; straight lines between them
PASSES = 2
SAMPLES = 1 << 20  # values sorted at a time


@dataclass(frozen=True)
class RunningPercentile:
    """A low percentile of short means within a window that runs along the recording; a straight line is taken out before.

    Args:
        percentile: of the means (%).
        window: over which it is taken (s); a recording that is shorter has one level.
        mean: over which the trace is averaged first (s), so that noise alone moves the level less.
    """

    percentile: float = 8.0
    window: float = 60.0
    mean: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.percentile <= 100:
            raise UserError(f"traces.baseline.percentile must be from 0 to 100, got {self.percentile}")
        for name in ("window", "mean"):
            if not getattr(self, name) > 0:
                raise UserError(f"traces.baseline.{name} must be above 0 s, got {getattr(self, name)}")

    def __call__(self, traces: np.ndarray, rate: float, valid: np.ndarray | None = None) -> np.ndarray:
        """(K, T) float32 level of traces (K, T) at `rate` Hz; frames that are not valid (T,) do not count."""
        frames = traces.shape[1]
        used = np.arange(frames) if valid is None or not valid.any() else np.flatnonzero(valid)
        short = max(1, min(round(self.mean * rate), len(used) // 4))
        edges = np.arange(0, len(used) - short + 1, short)
        times = used[edges] + (short - 1) / 2
        half = max(1, round(self.window * rate / short / 2))
        found = np.empty(traces.shape, np.float32)
        step = max(1, SAMPLES // max(frames, 1))
        for first in range(0, len(traces), step):
            own = traces[first : first + step][:, used[: len(edges) * short]]
            means = np.add.reduceat(own, edges, axis=1, dtype=np.float64) / short
            # where light falls all along, the low values of a window are its last ones: first without a line, then over what is left
            level = line(self._running(means, half)) if means.shape[1] > 2 * half else np.zeros_like(means)
            for _ in range(PASSES):
                level = level + self._running(means - level, half)
            for row, values in zip(found[first : first + step], level, strict=True):
                row[:] = np.interp(np.arange(frames), times, values)
        return found

    def _running(self, means: np.ndarray, half: int) -> np.ndarray:
        """(K, n) percentile of (K, n) means in a window of 2 · half, at its ends of half of it."""
        count = means.shape[1]
        if count <= 2 * half:
            return np.repeat(np.percentile(means, self.percentile, axis=1)[:, None], count, axis=1)
        knots = np.unique(np.linspace(0, count - 1, max(2, round(KNOTS * count / (2 * half)))).astype(int))
        values = [np.percentile(means[:, max(knot - half, 0) : knot + half], self.percentile, axis=1) for knot in knots]
        return np.stack([np.interp(np.arange(count), knots, row) for row in np.transpose(values)])


def line(values: np.ndarray) -> np.ndarray:
    """(K, n) straight lines of least squares through (K, n) values, without their mean."""
    time = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    return np.outer(values @ time / max(float(time @ time), 1.0), time)
