"""Which components to keep: those that are smoother, in time and in space, than white noise would be.

The bases are found in averages of `average` frames and `pool` x `pool` pixels. White noise looks the same from every side, so
that the singular vectors of its averages point anywhere, however strong they are: the correlation of such a vector with itself,
shifted, has a mean and a spread that are known exactly, and no simulation is needed. What happens within an average does not
enter the fit at all; there, too, white noise has no preference. From frame to frame the fit makes white noise look smooth, but by no
more than its strongest singular value tells (Marchenko & Pastur 1967), which matters little to what is strong and fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import torch
from torch import Tensor

FEWEST_FRAMES = 6  # of a movie, to say anything
FEWEST_BINS = 16  # a shorter series says too little about its own correlation
COARSEST = 8  # times the averages of the fit
CERTAIN = 8.0  # so many standard deviations of white noise in time make an image unnecessary


def lag_correlation(series: Tensor) -> Tensor:
    """(..., n) -> (...): correlation of each series with itself one step later, in standard deviations of white noise.

    For n normal numbers minus their mean, vᵀM v / vᵀv with M half the adjacency of a chain has mean -1/n; its variance follows
    from traces, since a normal vector's direction is uniform on the sphere.
    """
    n = series.shape[-1]
    series = series - series.mean(-1, keepdim=True)
    power = series.square().sum(-1)
    found = (series[..., 1:] * series[..., :-1]).sum(-1) / power.clamp(min=1e-30)
    squares = (n - 1) / 2 - 2 * (n - 1.5) / n + ((n - 1) / n) ** 2  # tr (PM)², P = 1 - 11ᵀ/n
    variance = 2 * (squares - (n - 1) / n**2) / ((n - 1) * (n + 1))
    return torch.where(power > 1e-12, (found + 1 / n) / sqrt(variance), -torch.inf)  # nothing at all counts as rough


def detail_ratio(V: Tensor, scale: int) -> Tensor:
    """(..., T) -> (...): energy of Haar details of 2·scale frames over that of 2 frames, log, in standard deviations of white noise."""

    coarse, fine = detail_energy(V, scale), detail_energy(V, 1)
    ratio = (coarse.clamp(min=1e-30) / fine.clamp(min=1e-30)).log() / sqrt(4 * (scale + 1) / V.shape[-1])
    return torch.where(coarse > 1e-12, ratio, -torch.inf)


def detail_energy(V: Tensor, scale: int) -> Tensor:
    """(..., T) -> (...): mean square of the differences of neighbouring averages over `scale` frames; 1 for noise of variance 1."""
    sums = bins(V, scale)
    pairs = sums[..., : sums.shape[-1] // 2 * 2].unflatten(-1, (-1, 2))
    return (pairs[..., 0] - pairs[..., 1]).square().mean(-1) / 2


def bins(V: Tensor, frames: int) -> Tensor:
    """(..., T) -> (..., T // frames): sums over `frames` frames with the noise of one."""
    if frames == 1:
        return V
    whole = V[..., : V.shape[-1] // frames * frames]
    total = whole[..., ::frames].clone()
    for k in range(1, frames):
        total += whole[..., k::frames]
    return total / sqrt(frames)


def image_correlation(images: Tensor) -> Tensor:
    """(..., h, w) -> (...): correlation of neighbours in four directions, in standard deviations of white noise."""
    h, w = images.shape[-2:]
    pairs = (h - 1) * w + h * (w - 1) + 2 * (h - 1) * (w - 1)
    if not pairs:
        return torch.zeros(images.shape[:-2], device=images.device)
    total = (images[..., 1:, :] * images[..., :-1, :]).sum((-2, -1)) + (images[..., 1:] * images[..., :-1]).sum((-2, -1))
    total = (
        total + (images[..., 1:, 1:] * images[..., :-1, :-1]).sum((-2, -1)) + (images[..., 1:, :-1] * images[..., :-1, 1:]).sum((-2, -1))
    )
    power = images.square().sum((-2, -1))
    return torch.where(power > 1e-12, total / power.clamp(min=1e-30) * sqrt(h * w * (h * w + 2) / pairs), -torch.inf)


@dataclass(frozen=True)
class Smoothness:
    """When time courses and images are smoother than white noise.

    Args:
        percentile: of white noise (%) that passes by chance, in time and, independently, in space.
        average: frames in each of the averages in which the bases were found.
        spread: pooled pixels per average, q / t; the strongest direction of white noise has (1 + √spread)² times the energy of any.
    """

    percentile: float
    average: int
    spread: float

    def in_time(self, V: Tensor) -> Tensor:
        """(..., T) time courses, noise 1 -> (...): the best of all scales (standard deviations above the limit for that many tests).

        Scales: averages of the fit and up to `COARSEST` times longer ones; within the averages, details of several frames against
        those of two; and single frames, less what the fit makes of noise.
        """
        if V.shape[-1] < FEWEST_FRAMES:
            return torch.full(V.shape[:-1], -torch.inf, device=V.device)
        scores = [lag_correlation(bins(V, self.average))]
        for frames in _doublings(2 * self.average, COARSEST * self.average):
            if V.shape[-1] // frames >= FEWEST_BINS:
                scores.append(lag_correlation(bins(V, frames)))
        for frames in _doublings(2, self.average // 2):
            scores.append(detail_ratio(V, frames))
        if self.average > 1:
            excess = ((1 + self.spread**0.5) ** 2 - 1) * (self.average - 1) / self.average**2
            noise = detail_energy(V, 1) / V.square().mean(-1).clamp(min=1e-30)
            scores.append(lag_correlation(V) - excess * noise * V.shape[-1] ** 0.5)
        limit = NormalDist().inv_cdf(1 - self.percentile / 100 / len(scores))
        return torch.stack(scores).amax(0) - limit

    def keeps(self, V: Tensor, image: Tensor) -> Tensor:
        """(C, T) time courses of the good frames, (C,) scores of the images -> (C,) whether to keep each.

        A time course that is smooth beyond doubt is kept whatever its image, so that cells of one pixel are not lost.
        """
        time = self.in_time(V)
        return ((time > 0) & (image > 0)) | (time > CERTAIN)

    def in_space(self, images: Tensor) -> Tensor:
        """(..., h, w) -> (...): standard deviations above the limit."""
        return image_correlation(images) - NormalDist().inv_cdf(1 - self.percentile / 100)


def _doublings(first: int, last: int) -> list[int]:
    return [first * 2**k for k in range(16) if first * 2**k <= last]
