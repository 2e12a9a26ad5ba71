"""Correlation of neighbouring pixels in the residual, gated and regularised (maskNMF, appendix A)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.residual import bands, residual
from detectnmf.runtime import Runtime

ENOUGH_FRAMES, LONGEST = 1000, 0.25  # averaged frames that tell which pixels rise together; no average is longer (s)
SAMPLED = 256  # frames that tell a median well enough
BAND_BYTES = 8 * 2**20  # of a band of the movie, on a CPU: its passes stay near the cache
DIRECTIONS = ((0, 1), (1, -1), (1, 0), (1, 1))  # half of the eight neighbours; the other half by symmetry


@dataclass(frozen=True)
class Neighbours:
    """Second moments of the gated residual, per frame.

    Args:
        variance: (Y, X).
        covariance: (4, Y, X) with the neighbour in each of DIRECTIONS; 0 where it lies outside.
    """

    variance: np.ndarray
    covariance: np.ndarray

    def correlation(self, noise: float) -> np.ndarray:
        """(Y, X) mean correlation with the eight neighbours, `noise`² added to each variance."""
        size = self.variance.shape
        total, count = np.zeros(size), np.zeros(size)
        for covariance, (dy, dx) in zip(self.covariance, DIRECTIONS, strict=True):
            here, there = _shift(size, dy, dx)
            power = (self.variance[here] + noise**2) * (self.variance[there] + noise**2)
            value = covariance[here] / np.sqrt(np.maximum(power, 1e-30))
            for side in (here, there):
                total[side] += value
                count[side] += 1
        return total / np.maximum(count, 1)


def gate(x: Tensor, delta: float, signed: bool = False) -> Tensor:
    """(n, T) max(0, x − median − delta·MAD), one-sided: only upward events count; signed: what falls below −delta·MAD, too."""
    some = x[:, :: max(1, x.shape[1] // SAMPLED)]
    middle = _median(some)
    least = delta * _median((some - middle).abs_())
    x = x - middle
    return x - x.clamp(-least, least) if signed else (x - least).clamp_min_(0)


def _median(x: Tensor) -> Tensor:
    """(n, T) -> (n, 1), the lower of two; numpy selects several times faster than torch on a CPU."""
    if x.device.type != "cpu":
        return x.median(dim=1, keepdim=True).values
    half = (x.shape[1] - 1) // 2
    return torch.from_numpy(np.partition(x.numpy(), half, axis=1)[:, half : half + 1].copy())


def neighbours(movie: Compressed, model: Model, delta: float, runtime: Runtime, signed: bool = False) -> Neighbours:
    """Stream over bands of rows; each needs the row below it. Where there are plenty of frames, averages over a few are enough."""
    size = movie.size
    frames = max(1, min(len(movie) // ENOUGH_FRAMES, round(LONGEST * movie.rate)))
    movie = movie.with_V(_averaged(movie.V, frames))
    model = replace(model, C=_averaged(model.C, frames), B=_averaged(model.B, frames))
    variance = np.zeros(size, np.float32)
    covariance = np.zeros((len(DIRECTIONS), *size), np.float32)
    row = size[1] * len(movie) * 4
    rows = runtime.batch(row * 6, most=size[0] if movie.device.type != "cpu" else min(size[0], max(2, BAND_BYTES // row)))
    for band, inside in bands(size, rows, 1):
        pixels = slice(band.start * size[1], band.stop * size[1])
        x = gate(residual(movie, model, pixels), delta, signed)
        x -= x.mean(dim=1, keepdim=True)
        x = x.reshape(band.stop - band.start, size[1], -1)
        own = slice(band.start + inside.start, band.start + inside.stop)
        variance[own] = x[inside].square().mean(dim=2).cpu().numpy()
        for which, (dy, dx) in enumerate(DIRECTIONS):
            here, there = _shift(x.shape[:2], dy, dx)
            product = torch.zeros(x.shape[:2], device=x.device)
            product[here] = (x[here] * x[there]).mean(dim=2)
            covariance[which, own] = product[inside].cpu().numpy()
    return Neighbours(variance, covariance)


def _averaged(x: Tensor, frames: int) -> Tensor:
    """(n, T) -> (n, T // frames); what is left at the end is left out."""
    return x if frames == 1 else x[:, : x.shape[1] // frames * frames].unflatten(1, (-1, frames)).mean(dim=2)


def _shift(size: tuple[int, ...], dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the pixels that have a neighbour at (dy >= 0, dx), and of those neighbours."""
    rows, columns = size[:2]
    here = slice(0, max(rows - dy, 0)), slice(max(0, -dx), columns - max(0, dx))
    there = slice(min(dy, rows), rows), slice(max(0, dx), columns + min(0, dx))
    return here, there
