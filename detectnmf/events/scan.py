"""Matched filters in time: how strongly courses depart from zero, for how long, in units of what they do all the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LOWEST = 3.0  # units of noise: below it noise itself departs in thousands of places, and no more seeds are tried
ENOUGH = 2**17  # values that stand for all
BLOCK = 2**15  # values at once
OUTER = 1.6449  # standard deviations, which a twentieth of normal values exceeds
QUARTER = 0.3186  # standard deviations: a quarter of normal values are smaller in size


def lengths(durations: tuple[float, ...], rate: float, frames: int) -> list[int]:
    """Durations (s) as numbers of frames, each once, none longer than half of the movie; that half where all are."""
    most = max(1, frames // 2)
    return sorted({n for n in (max(1, round(one * rate)) for one in durations) if n <= most}) or [most]


def weakest(alpha: float, smallest: int) -> float:
    """Departure (units of noise) of the weakest event that a price of `alpha` leaves: so many squares, each worth its price."""
    return max(LOWEST, alpha * smallest**0.5)


def departures(courses: Tensor, durations: list[int]) -> Iterator[tuple[int, Tensor]]:
    """For each length, (n, T) sums over that many frames about each frame, of variance 1 in white noise; 0 where frames are missing."""
    total = torch.nn.functional.pad(courses.cumsum(dim=1), (1, 0))
    for length in durations:
        found = torch.zeros_like(courses)
        sums = found[:, length // 2 : length // 2 + total.shape[1] - length]
        torch.sub(total[:, length:], total[:, :-length], out=sums).mul_(length**-0.5)
        yield length, found


def span(middle: int, length: int, frames: int, before: int = 0, after: int = 0) -> tuple[int, int]:
    """First frame and last frame (past the end) of what `departures` summed, and some more on either side."""
    start = middle - length // 2
    return max(0, start - before), min(frames, start + length + after)


@dataclass(frozen=True)
class Unrest:
    """How much courses depart from rest all the time.

    Args:
        lengths: (n,) frames, ascending. usual: (n, 2) standard deviation of departures of that length, downwards and upwards; 1 in white
            noise, and never less.
    """

    lengths: np.ndarray
    usual: np.ndarray

    @classmethod
    def of(cls, courses: Tensor, durations: list[int]) -> Unrest:
        """From all courses together, of which enough are looked at."""
        if not courses.numel():
            return cls(np.ones(1), np.ones((1, 2)))
        sample = courses[:: max(1, courses.numel() // ENOUGH)]
        return cls(np.array(durations), np.stack([usual(one) for _, one in departures(sample, durations)]))

    def __call__(self, length: float, up: bool) -> float:
        """At any length; linear between those that were measured, in their logarithm."""
        return float(np.interp(np.log(max(length, 1e-9)), np.log(self.lengths), self.usual[:, int(up)]))


def usual(departed: Tensor) -> np.ndarray:
    """(2,) standard deviation that a twentieth of all departures exceeds as in normal noise, downwards and upwards; 1 at least.

    Far enough out to see what glows or fades now and then, and not so far that events, which fill some hundredths, count.
    """
    values = departed.flatten().sort().values
    twentieth = len(values) // 20
    return np.maximum([-float(values[twentieth]) / OUTER, float(values[len(values) - 1 - twentieth]) / OUTER], 1.0)


def strongest(courses: Tensor, durations: list[int], each: bool = False) -> tuple[Tensor, Tensor]:
    """(n, T) the largest departure in size, with its sign, over all lengths; and which length (index, uint8).

    Departures count in units of white noise, or of their own usual size where that is larger: what drifts slowly departs all the time.

    Args:
        each: course has its own deviation; else all share one.
    """
    best, which = torch.zeros_like(courses), torch.zeros(courses.shape, dtype=torch.uint8, device=courses.device)
    usual = None if each else Unrest.of(courses, durations).usual
    step = max(1, BLOCK // max(courses.shape[1], 1))
    for start in range(0, len(courses), step):  # a few courses at a time stay in the cache
        part, winner = best[start : start + step], which[start : start + step]
        height = torch.zeros_like(part)
        for number, (_, found) in enumerate(departures(courses[start : start + step], durations)):
            if usual is None:
                found /= quiet(found.abs()).clamp_min(1.0)
            else:
                down, up = usual[number].tolist()
                found = torch.where(found < 0, found / down, found / up)
            size = found.abs()
            more = size > height
            part.copy_(torch.where(more, found, part))
            torch.maximum(height, size, out=height)
            winner.masked_fill_(more, number)
    return best, which


def quiet(size: Tensor) -> Tensor:
    """(n, 1) standard deviation that the smaller quarter of (n, m) absolute values speaks for: events may fill much of the rest."""
    return size.kthvalue(max(1, size.shape[1] // 4), dim=1, keepdim=True).values / QUARTER


def candidates(values: np.ndarray, least: float) -> np.ndarray:
    """(m, 2) places in (n, T) where values reach `least` in size, strongest first."""
    places = np.argwhere(np.abs(values) >= least)
    return places[np.argsort(-np.abs(values[tuple(places.T)]), kind="stable")]
