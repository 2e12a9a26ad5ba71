"""Dips and surges: slow events of either sign that grow, stay and fade, as in oxygen imaging."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.traces.base import Activity
from detectnmf.simulate.traces.indicator import groups

DEEPEST = 0.9  # of the baseline: light cannot go below nothing


def envelope(time: np.ndarray, growth: float, fading: float) -> np.ndarray:
    """0 .. 1 .. 0, at half its height from growth/2 to growth/2 + 1: raised cosines of lengths `growth` and `fading`, a plateau between.

    `time` is counted from the onset in units of the duration (full width at half height).
    """
    end = 1 + (growth + fading) / 2
    up = np.clip(time / max(growth, 1e-9), 0, 1)
    down = np.clip((end - time) / max(fading, 1e-9), 0, 1)
    return np.asarray(np.sin(np.pi / 2 * np.minimum(up, down)) ** 2)


@dataclass(frozen=True)
class Events:
    """Each site has events now and then, never two at once.

    Durations and amplitudes are log-normal. After an event and its refractory time the next begins at random (exponential). Defaults are
    dips of tissue oxygen in the awake mouse (drfelixb/OxygenDynamicsV2: median 9 s, 9.4 %; the spread of durations follows from 16.9 onsets
    per mm² and minute with 3.2 at once).

    Args:
        amplitude: median change relative to the baseline; below 0 for dips, above 0 for surges.
        amplitude_spread: standard deviation of its logarithm.
        duration: median time at more than half of the amplitude (s).
        duration_spread: standard deviation of its logarithm.
        growth: time from onset to plateau, in durations.
        fading: time from plateau to end, in durations.
        events: at each site, mean (Hz).
        refractory: time between the end of an event and the next onset, at least (s).
    """

    amplitude: float = -0.094
    amplitude_spread: float = 0.5
    duration: float = 9.0
    duration_spread: float = 0.68
    growth: float = 0.4
    fading: float = 0.8
    events: float = 0.006
    refractory: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < abs(self.amplitude) < DEEPEST:
            raise UserError(f"activity.amplitude must lie between -{DEEPEST} and {DEEPEST} and not be 0, got {self.amplitude}")
        for name in ("duration", "events"):
            if not getattr(self, name) > 0:
                raise UserError(f"activity.{name} must be above 0, got {getattr(self, name)}")
        for name in ("amplitude_spread", "duration_spread", "growth", "fading", "refractory"):
            if not getattr(self, name) >= 0:
                raise UserError(f"activity.{name} must be 0 or more, got {getattr(self, name)}")
        if self.growth + self.fading > 2:
            raise UserError(
                f"activity.growth = {self.growth} and activity.fading = {self.fading} leave no time in between; their sum must be at most 2"
            )
        if not self.pause > 0:
            raise UserError(
                f"activity.events = {self.events:g} Hz is too many: events of activity.duration = {self.duration:g} s and their "
                f"refractory time take {self.busy:.3g} s on average; choose less than {1 / self.busy:.2g} Hz"
            )

    def length(self, duration: np.ndarray) -> np.ndarray:
        """From onset to end."""
        return duration * (1 + (self.growth + self.fading) / 2)

    @property
    def busy(self) -> float:
        """Time from an onset to the end of the refractory time, mean (s)."""
        return self.duration * np.exp(self.duration_spread**2 / 2) * (1 + (self.growth + self.fading) / 2) + self.refractory

    @property
    def pause(self) -> float:
        """Mean time (s) from then to the next onset, so that onsets come at the rate asked for."""
        return 1 / self.events - self.busy

    def onsets(self, n: int, time: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(n, m) onset (s) and duration (s) of the events up to `time`; the first lie so far before 0 that their start is forgotten."""
        before = 10 * self.busy
        expected = (time + before) * self.events
        m, duration, cycle = 10 + int(expected + 4 * np.sqrt(expected)), np.zeros((n, 0)), np.zeros((n, 0))
        while cycle.shape[1] == 0 or not (cycle[:, -1] > before + time).all():
            more = self.duration * np.exp(self.duration_spread * rng.standard_normal((n, m)))
            steps = self.length(more) + self.refractory + rng.exponential(self.pause, (n, m))
            duration = np.concatenate([duration, more], axis=1)
            cycle = np.concatenate([cycle, np.cumsum(steps, axis=1) + cycle[:, -1:].sum(axis=1, keepdims=True)], axis=1)
        return cycle - self.length(duration) - self.refractory - before, duration

    def draw(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """n sites over `frames` frames at `rate` Hz; `spikes` are onsets.

        Raises:
            UserError: the duration is shorter than a frame.
        """
        if self.duration * rate < 1:
            raise UserError(f"activity.duration = {self.duration:g} s is shorter than a frame at {rate:g} Hz; raise it or sim.rate")
        traces, spikes = np.zeros((n, frames), np.float32), np.zeros((n, frames), np.uint16)
        for group in groups(n, frames):
            onset, duration = self.onsets(group.stop - group.start, frames / rate, rng)
            depth = np.abs(self.amplitude) * np.exp(self.amplitude_spread * rng.standard_normal(onset.shape))
            first = np.floor(onset * rate).astype(np.int64)
            last = np.ceil((onset + self.length(duration)) * rate).astype(np.int64)
            site, event = np.nonzero((last > 0) & (first < frames))
            onset, duration, depth, first, last = (one[site, event] for one in (onset, duration, depth, first, last))
            begins = first >= 0
            np.add.at(spikes[group], (site[begins], first[begins]), 1)
            # every frame of every event; events of a site do not overlap
            start, stop = np.maximum(first, 0), np.minimum(last, frames)
            length = stop - start
            frame = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length - start, length)
            past = ((frame + 0.5) / rate - np.repeat(onset, length)) / np.repeat(duration, length)
            level = np.repeat(np.sign(self.amplitude) * np.minimum(depth, DEEPEST), length)
            np.add.at(traces[group], (np.repeat(site, length), frame), level * envelope(past, self.growth, self.fading))
        return Activity(traces, spikes)
