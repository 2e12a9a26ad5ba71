"""The noise of a trace and the level at which it rests, both blind to transients."""

from __future__ import annotations

import torch
from torch import Tensor

LOW = 0.05  # the part of a trace's frames that certainly lies at rest
ROUNDS = 30
# mean and mass of a standard normal variable cut off at +1: E[x | x < 1] = -φ(1)/Φ(1)
CUT_MEAN = 0.24197072 / 0.84134475


def noise_level(traces: Tensor) -> Tensor:
    """(K,) standard deviation of what changes from frame to frame, blind to transients.

    Median absolute second difference; white noise of deviation σ has a second difference of deviation √6 σ.
    """
    if traces.shape[1] < 3:
        return torch.zeros(len(traces), device=traces.device)
    second = traces[:, 2:] - 2 * traces[:, 1:-1] + traces[:, :-2]
    return second.abs().median(dim=1).values * (1.4826 / 6**0.5)


def resting_level(traces: Tensor, noise: Tensor, signed: bool = False) -> Tensor:
    """(K,) level around which each trace (K, T) flickers when nothing happens.

    The frames at rest are a normal distribution around the level L; events lie above it. So L is where the mean of what lies below
    L + noise is that of a normal distribution cut off there, L − noise·φ(1)/Φ(1): a fixed point, reached from below, where
    there are no events. Where events go both ways (`signed`), L is the mean of what lies within the noise around it, reached
    from the median.

    Args:
        noise: (K,) standard deviation of the traces at rest.
    """
    frames = traces.shape[1]
    ordered = traces.sort(dim=1).values
    sums = torch.cat([torch.zeros_like(ordered[:, :1], dtype=torch.float64), ordered.double().cumsum(dim=1)], dim=1)
    noise = noise.to(ordered.dtype)[:, None]
    start = frames // 2 if signed else min(frames - 1, round(LOW * frames))
    level = ordered[:, start : start + 1].clone()
    for _ in range(ROUNDS):
        stop = torch.searchsorted(ordered, level + noise, right=True)
        first = torch.searchsorted(ordered, level - noise) if signed else torch.zeros_like(stop)
        count = (stop - first).clamp_min(1)
        mean = ((sums.gather(1, stop) - sums.gather(1, first)) / count).to(ordered.dtype)
        level = mean if signed else mean + CUT_MEAN * noise
    return level[:, 0]
