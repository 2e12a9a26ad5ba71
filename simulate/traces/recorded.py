"""Activity as it was recorded: real traces, or real spikes through an indicator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.interpolate import PchipInterpolator, PPoly
from scipy.ndimage import gaussian_filter1d, percentile_filter

from detectnmf.errors import UserError
from detectnmf.simulate.traces.base import Activity
from detectnmf.simulate.traces.indicator import Indicator
from detectnmf.simulate.traces.recordings import Take, read
from detectnmf.simulate.traces.spikes import count

PERCENTILE = 8.0  # of the trace, at which it is taken to rest


def resting(trace: np.ndarray, rate: float, window: float | None) -> np.ndarray:
    """(T,) slow level at which a trace rests: its 8th percentile within `window` seconds, or within all of it."""
    block = max(1, int(min(rate / 2, len(trace) / 4)))  # samples; the level is slow, two values per second are plenty
    whole = trace[: len(trace) // block * block].reshape(-1, block).mean(axis=1)
    if window is None or window * rate >= len(trace):
        return np.full(len(trace), np.percentile(whole, PERCENTILE))
    level = percentile_filter(whole, PERCENTILE, size=max(1, round(window * rate / block)), mode="nearest")
    return np.interp(np.arange(len(trace)), (np.arange(len(level)) + 0.5) * block - 0.5, level)


@dataclass(frozen=True)
class Loop:
    """A recording whose end goes over into its beginning, so that it can be played from any time for any time.

    The last `fade` seconds are mixed with the first ones, the weights of the two adding up to 1 (raised cosine); of the spikes there, the
    first half is the end's and the second half the beginning's.

    Args:
        period: s.
        integral: of the trace from 0 to a time below `period`; None if only spikes are known.
        spikes: (N,) s, below `period`; None if they were not recorded.
    """

    period: float
    integral: PPoly | None
    spikes: np.ndarray | None

    @classmethod
    def of(cls, take: Take, trace: np.ndarray | None, fade: float) -> Loop:
        fade, spikes, integral = min(fade, take.duration / 4), take.spikes, None
        if trace is not None:
            mixed = round(fade * take.rate)
            fade = mixed / take.rate
            coming = np.sin(np.pi / 2 * (np.arange(mixed) + 0.5) / max(mixed, 1)) ** 2
            around = trace[: len(trace) - mixed].copy()
            around[:mixed] = coming * trace[:mixed] + (1 - coming) * trace[len(trace) - mixed :]
            # monotone between samples, so that nothing overshoots; one sample more at either end closes the loop
            times = (np.arange(-1, len(around) + 1) + 0.5) / take.rate
            integral = PchipInterpolator(times, np.concatenate([around[-1:], around, around[:1]])).antiderivative()
        period = take.duration - fade
        if spikes is not None:
            spikes = spikes[(spikes >= fade / 2) & (spikes < take.duration - fade / 2)] % period
        return cls(period, integral, spikes)

    def play(self, edges: np.ndarray) -> np.ndarray:
        """(T,) mean of the trace between (T + 1,) times in s: what a camera collects in each frame."""
        assert self.integral is not None
        turns, time = np.divmod(edges, self.period)
        start, end = self.integral(0.0), self.integral(self.period)
        return np.asarray(np.diff(turns * (end - start) + self.integral(time)) / np.diff(edges))

    def fire(self, start: float, frames: int, rate: float) -> np.ndarray:
        """(N,) frames of the spikes from `start` (s) on; none where they were not recorded."""
        if self.spikes is None:
            return np.zeros(0, np.int64)
        turns = np.arange(int((start + frames / rate) / self.period) + 1)
        frame = np.floor(((turns[:, None] * self.period + self.spikes).ravel() - start) * rate).astype(np.int64)
        return np.asarray(frame[(frame >= 0) & (frame < frames)])


@lru_cache(maxsize=4)
def loops(
    files: tuple[tuple[Path, int], ...], path: Path, rate: float | None, smooth: float, window: float | None, fade: float
) -> list[Loop]:
    """The recordings of a file or folder, ready to play; `files` with their times tell when to read again."""
    made = []
    for take in read(path, rate):
        trace = take.trace
        if trace is not None:
            if smooth > 0:
                trace = gaussian_filter1d(trace, smooth * take.rate, mode="nearest")
            rest = 1 + resting(trace, take.rate, window)
            if not rest.min() > 0:
                raise UserError(f"activity.path: {take.name} rests at {rest.min() - 1:.3g}; dF/F lies above -1 (z-scores will not do)")
            trace = np.maximum((trace + 1) / rest - 1, 0)
        made.append(Loop.of(take, trace, fade))
    return made


@dataclass(frozen=True)
class Recorded:
    """Each cell plays one of the recordings, from a time of its own.

    A recording's end is faded into its beginning, and a longer movie plays it again: no trace jumps, and none runs backwards. All
    recordings are used equally often, and cells that play the same one start as far from each other as can be. Frames are means over their
    exposure, as a camera's: what is faster than the movie averages out.

    Formats: Cascade's `.mat` (`CAttached`); `.npz` with `traces` (K, T) and `rate`, or `spikes` (N, 2: number of a cell, s) and `duration`;
    `.npy` with traces (K, T); `result.h5` of an earlier run.

    Args:
        path: a file, or a folder of them.
        what: "traces", or "spikes", which then go through the indicator.
        rate: of traces in files that do not say (Hz).
        smooth: of traces, SD of a Gaussian (s); 0 leaves the recording's noise in, which is then the cell's own.
        window: over which the resting level (8th percentile) is found (s); None takes one level for the whole recording. dF/F is
            taken relative to that level and cut off at 0.
        fade: from a recording's end into its beginning (s).
        indicator: that spikes go through.
    """

    path: str
    what: Literal["traces", "spikes"] = "traces"
    rate: float | None = None
    smooth: float = 0.1
    window: float | None = 60.0
    fade: float = 1.0
    indicator: Indicator = field(default_factory=Indicator)

    def __post_init__(self) -> None:
        if self.what not in ("traces", "spikes"):
            raise UserError(f"activity.what must be traces or spikes, got {self.what!r}")
        for name in ("rate", "window"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise UserError(f"activity.{name} must be above 0 or null, got {getattr(self, name)}")
        for name in ("smooth", "fade"):
            if not getattr(self, name) >= 0:
                raise UserError(f"activity.{name} must be 0 s or more, got {getattr(self, name)}")
        self.load()  # what cannot be read shows now, before long work

    def load(self) -> list[Loop]:
        """The recordings that hold what is asked for.

        Raises:
            UserError: there are none.
        """
        path = Path(self.path).expanduser()
        files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
        made = loops(tuple((file, file.stat().st_mtime_ns) for file in files), path, self.rate, self.smooth, self.window, self.fade)
        usable = [loop for loop in made if (loop.spikes if self.what == "spikes" else loop.integral) is not None]
        if not usable:
            other = "traces" if self.what == "spikes" else "spikes"
            raise UserError(f"activity.path: {self.path} holds no {self.what}; activity.what={other} takes its {other}")
        return usable

    def draw(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """n cells over `frames` frames at `rate` Hz; `spikes` are the recorded ones, none where they were not recorded.

        Raises:
            UserError: the indicator's decay is shorter than a frame.
        """
        usable = self.load()
        played = rng.permutation(len(usable))[rng.permutation(n) % len(usable)]
        start = np.zeros(n)
        for number, loop in enumerate(usable):
            cells = np.flatnonzero(played == number)
            start[cells] = loop.period * ((np.arange(len(cells)) / max(len(cells), 1) + rng.random()) % 1)
        before = self.indicator.memory(rate) if self.what == "spikes" else 0
        total = before + frames
        spikes = np.zeros((n, total), np.uint16)
        for cell, (one, at) in enumerate(zip(played, start, strict=True)):
            count(spikes[cell : cell + 1], 0, usable[one].fire(at, total, rate))
        if self.what == "spikes":
            return Activity(self.indicator.fluorescence(spikes, rate), spikes[:, before:])
        traces = np.empty((n, frames), np.float32)
        edges = np.arange(frames + 1) / rate
        for cell, (one, at) in enumerate(zip(played, start, strict=True)):
            traces[cell] = np.maximum(usable[one].play(at + edges), 0)
        return Activity(traces, spikes)
