"""The noise of a trace and the level at which it rests, both blind to transients."""

from __future__ import annotations

import torch
from torch import Tensor

LOW = 0.05  # the part of a trace's frames that certainly lies at rest
ROUNDS = 30
CROWDED = 2  # times as many frames around the median's level: the lower one is no rest
# mean and mass of a standard normal variable cut off at +1: E[x | x < 1] = -φ(1)/Φ(1)
CUT_MEAN = 0.24197072 / 0.84134475
FAR, CLIPS = 3.0, 3  # standard deviations beyond which a difference is no noise, and how often that is asked
MIDDLE, MIDDLE_WITHIN = 0.67448975, 0.67236730  # medians of |x|, and of |x| below 3, of a standard normal variable


def noise_level(traces: Tensor) -> Tensor:
    """(K,) standard deviation of what changes from frame to frame, blind to transients.

    Median absolute second difference; white noise of deviation σ has a second difference of deviation √6 σ. Onsets, even rare ones, push
    the median up by about their share of the frames: what lies beyond `FAR` deviations is left out, in noise and in the yardstick alike.
    """
    if traces.shape[1] < 3:
        return torch.zeros(len(traces), device=traces.device)
    second = (traces[:, 2:] - 2 * traces[:, 1:-1] + traces[:, :-2]).abs()
    level = second.median(dim=1, keepdim=True).values / MIDDLE
    for _ in range(CLIPS):
        level = second.where(second <= FAR * level, torch.nan).nanmedian(dim=1, keepdim=True).values / MIDDLE_WITHIN
    return level[:, 0] / 6**0.5


def resting_level(traces: Tensor, noise: Tensor, signed: bool = False) -> Tensor:
    """(K,) level around which each trace (K, T) flickers when nothing happens.

    The frames at rest are a normal distribution around the level L; events lie above it. So L is where the mean of what lies below
    L + noise is that of a normal distribution cut off there, L − noise·φ(1)/Φ(1): a fixed point, reached from below, where
    there are no events. Where events go both ways (`signed`), L is the mean of what lies within the noise around it, reached
    from the median. So it is where a trace that should not falls now and then: several times as many frames lie there.

    Args:
        noise: (K,) standard deviation of the traces at rest.
    """
    ordered = traces.sort(dim=1).values
    sums = torch.cat([torch.zeros_like(ordered[:, :1], dtype=torch.float64), ordered.double().cumsum(dim=1)], dim=1)
    noise = noise.to(ordered.dtype)[:, None]
    middle = _fixed_point(ordered, sums, noise, two_sided=True)
    if signed:
        return middle[:, 0]
    lowest = _fixed_point(ordered, sums, noise, two_sided=False)
    crowd = [_between(ordered, level, noise)[2] for level in (lowest, middle)]
    return torch.where(crowd[1] > CROWDED * crowd[0], middle, lowest)[:, 0]


def _fixed_point(ordered: Tensor, sums: Tensor, noise: Tensor, two_sided: bool) -> Tensor:
    """(K, 1) from ascending traces (K, T) and their running sums (K, T + 1)."""
    frames = ordered.shape[1]
    start = frames // 2 if two_sided else min(frames - 1, round(LOW * frames))
    level = ordered[:, start : start + 1].clone()
    for _ in range(ROUNDS):
        first, stop, _ = _between(ordered, level, noise)
        if not two_sided:
            first = torch.zeros_like(first)
        mean = ((sums.gather(1, stop) - sums.gather(1, first)) / (stop - first).clamp_min(1)).to(ordered.dtype)
        level = mean if two_sided else mean + CUT_MEAN * noise
    return level


def _between(ordered: Tensor, level: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """First and last place, and number, of the frames within the noise around a level; (K, 1) each."""
    first, stop = torch.searchsorted(ordered, level - noise), torch.searchsorted(ordered, level + noise, right=True)
    return first, stop, stop - first
