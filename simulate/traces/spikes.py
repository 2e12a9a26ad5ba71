"""When cells fire: Poisson events, bursts, assemblies of cells that fire together, silent cells, slow waves of activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from detectnmf.errors import UserError

AT_ONCE = 500_000  # events, so that temporaries stay small


def count(spikes: np.ndarray, cell: np.ndarray | int, frame: np.ndarray) -> None:
    """Add (N,) spikes, each of a cell in a frame, to (K, T) uint16 counts, contiguous in memory."""
    np.add.at(spikes.reshape(-1), cell * spikes.shape[1] + frame, np.uint16(1))


def together(rates: np.ndarray, assemblies: int, duration: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(cell, onset in s) of events that cells share with their assembly, at (n,) `rates` in Hz.

    Each cell belongs to one assembly. An assembly has events at the rate of its busiest cell, and a cell joins in each with the
    probability that gives its own rate: counts of two of its cells correlate by √(r_i r_j) / max r.
    """
    member = rng.integers(assemblies, size=len(rates))
    busiest = np.zeros(assemblies)
    np.maximum.at(busiest, member, rates)
    number = rng.poisson(busiest * duration)
    onsets = rng.uniform(0, duration, number.sum())
    first = np.cumsum(number) - number
    # every cell is asked at every event of its assembly
    asked = number[member]
    cell = np.repeat(np.arange(len(rates)), asked)
    event = np.arange(len(cell)) - np.repeat(np.cumsum(asked) - asked, asked) + first[member[cell]]
    joins = rng.random(len(cell)) * busiest[member[cell]] < rates[cell]
    return cell[joins], onsets[event[joins]]


def waves(onset: np.ndarray, duration: float, size: float, time: float, rng: np.random.Generator) -> np.ndarray:
    """Onsets (s), uniform so far, moved to where a rate is high that goes up and down with time (log-normal, relative SD `size`)."""
    grid = np.linspace(0, duration, max(16, int(10 * duration / time)) + 1)
    width = time / (grid[1] * np.sqrt(2))  # the noise then forgets itself over `time`
    noise = gaussian_filter1d(rng.standard_normal(len(grid)), width, mode="wrap") * np.sqrt(2 * np.sqrt(np.pi) * width)
    rate = np.exp(np.sqrt(np.log1p(size**2)) * noise)
    gone = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2)])
    return np.interp(onset * (gone[-1] / duration), gone, grid)


@dataclass(frozen=True)
class Firing:
    """Poisson events, some of them bursts; every rate is exact on average.

    Args:
        events: events per second, mean over the cells that are not silent.
        spread: of the event rate over cells: its standard deviation relative to the mean (gamma distributed).
        burst: spikes per event, mean (geometric); 1 for single spikes.
        interval: time between the spikes of a burst, mean (s).
        silent: share of the cells that never fire.
        assemblies: groups of cells that fire together; each cell belongs to one. 0 for none.
        shared: share of a cell's events that come from its assembly; the correlation of two equally busy cells. Less where rates
            differ, see `together`.
        jitter: standard deviation (s) of a cell's events about those of its assembly.
        modulation: of the event rate of all cells together, over time (brain state): standard deviation relative to the mean.
        modulation_time: over which it changes (s).
    """

    events: float = 0.2
    spread: float = 0.6
    burst: float = 3.0
    interval: float = 0.03
    silent: float = 0.0
    assemblies: int = 0
    shared: float = 0.0
    jitter: float = 0.05
    modulation: float = 0.0
    modulation_time: float = 20.0

    def __post_init__(self) -> None:
        for name in ("events", "interval", "modulation_time"):
            if not getattr(self, name) > 0:
                raise UserError(f"activity.{name} must be above 0, got {getattr(self, name)}")
        for name in ("spread", "assemblies", "jitter", "modulation"):
            if not getattr(self, name) >= 0:
                raise UserError(f"activity.{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("silent", "shared"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"activity.{name} is a share from 0 to 1, got {getattr(self, name)}")
        if not self.burst >= 1:
            raise UserError(f"activity.burst must be 1 spike per event or more, got {self.burst}")
        if self.shared > 0 and self.assemblies < 1:
            raise UserError(f"activity.shared = {self.shared} needs activity.assemblies of 1 or more, got {self.assemblies}")

    def rates(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n,) events per second."""
        shape = self.spread**-2 if self.spread > 0 else np.inf
        rates = rng.gamma(shape, self.events / shape, n) if np.isfinite(shape) else np.full(n, self.events)
        if self.silent > 0:
            rates[rng.random(n) < self.silent] = 0
        return np.asarray(rates)

    def onsets(self, rates: np.ndarray, duration: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(cell, onset in s) of the events of cells that fire at (n,) `rates` (Hz)."""
        cell = np.repeat(np.arange(len(rates)), rng.poisson((1 - self.shared) * rates * duration))
        onset = rng.uniform(0, duration, len(cell))
        if self.shared > 0:
            joined, when = together(self.shared * rates, self.assemblies, duration, rng)
            when = when + self.jitter * rng.standard_normal(len(when))
            cell, onset = np.concatenate([cell, joined]), np.concatenate([onset, when]) % duration
        if self.modulation > 0:
            onset = waves(onset, duration, self.modulation, self.modulation_time, rng)
        return cell, onset

    def spikes(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
        """(n, frames) uint16, spikes in each frame at `rate` Hz."""
        cells, onsets = self.onsets(self.rates(n, rng), frames / rate, rng)
        spikes = np.zeros((n, frames), np.uint16)
        for start in range(0, len(cells), AT_ONCE):
            cell, onset = cells[start : start + AT_ONCE], onsets[start : start + AT_ONCE]
            members = rng.geometric(1 / self.burst, len(cell))
            first = np.cumsum(members) - members
            gaps = rng.exponential(self.interval, members.sum())
            after = np.cumsum(gaps)
            time = np.repeat(onset - after[first], members) + after
            # what runs over the end of the movie starts it: a burst that was going on
            count(spikes, np.repeat(cell, members), (time * rate).astype(np.int64) % frames)
        return spikes
