"""Matched filters in time: how strongly courses depart from zero, for how long, in units of what they do all the time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

ENOUGH = 2**17  # values that stand for all
QUARTER = 0.3186  # standard deviations: a quarter of normal values are smaller in size


def lengths(durations: tuple[float, ...], rate: float, frames: int) -> list[int]:
    """Durations (s) as numbers of frames, each once, none longer than half of the movie."""
    return sorted({n for n in (max(1, round(one * rate)) for one in durations) if n <= max(1, frames // 2)})


def departures(courses: Tensor, durations: list[int]) -> Iterator[tuple[int, Tensor]]:
    """For each length, (n, T) sums over that many frames about each frame, of variance 1 in white noise; 0 where frames are missing."""
    total = torch.nn.functional.pad(courses.cumsum(dim=1, dtype=torch.float64), (1, 0))
    for length in durations:
        found = torch.zeros_like(courses)
        sums = (total[:, length:] - total[:, :-length]).to(courses.dtype)
        found[:, length // 2 : length // 2 + sums.shape[1]] = sums / length**0.5
        yield length, found


def span(middle: int, length: int, frames: int, before: int = 0, after: int = 0) -> tuple[int, int]:
    """First frame and last frame (past the end) of what `departures` summed, and some more on either side."""
    start = middle - length // 2
    return max(0, start - before), min(frames, start + length + after)


def strongest(courses: Tensor, durations: list[int], each: bool = False) -> tuple[Tensor, Tensor]:
    """(n, T) the largest departure in size, with its sign, over all lengths; and which length (index, uint8).

    Departures count in units of white noise, or of their own usual size where that is larger: what drifts slowly departs all the time.

    Args:
        each: course has its own deviation; else all share one.
    """
    best, which = torch.zeros_like(courses), torch.zeros(courses.shape, dtype=torch.uint8, device=courses.device)
    for number, (_, found) in enumerate(departures(courses, durations)):
        size = found.abs()
        usual = quiet(size) if each else quiet(some(size)[None])
        found, size = (x / usual.clamp_min(1.0) for x in (found, size))
        more = size > best.abs()
        best = torch.where(more, found, best)
        which[more] = number
    return best, which


def quiet(size: Tensor) -> Tensor:
    """(n, 1) standard deviation that the smaller quarter of (n, m) absolute values speaks for: events may fill much of the rest."""
    return size.kthvalue(max(1, size.shape[1] // 4), dim=1, keepdim=True).values / QUARTER


def some(values: Tensor) -> Tensor:
    """Values evenly spread over a large tensor, enough for a quantile."""
    flat = values.flatten()
    return flat[:: max(1, len(flat) // ENOUGH) | 1]  # an odd step meets all frames


def candidates(values: np.ndarray, least: float) -> np.ndarray:
    """(m, 2) places in (n, T) where values reach `least` in size, strongest first."""
    places = np.argwhere(np.abs(values) >= least)
    return places[np.argsort(-np.abs(values[tuple(places.T)]), kind="stable")]
