"""Random images and random courses of time, with the correlations asked for."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.interpolate import CubicSpline
from scipy.signal import lfilter

FINE = 6.0  # grid points per correlation length from which splines follow a field to 1e-4


def smooth_fields(n: int, size: tuple[int, int], length: float, rng: np.random.Generator) -> np.ndarray:
    """(n, Y, X) float32 Gaussian random fields of mean 0, variance 1 and correlation exp(-r² / (2 length²)), length in px."""
    step = max(1, int(length / FINE))
    if step > 1:  # drawn on a coarser grid
        coarse = [-(-(edge - 1) // step) + 4 for edge in size]
        fields = smooth_fields(n, (coarse[0], coarse[1]), length / step, rng)
        rows, columns = (
            CubicSpline(np.arange(few), np.eye(few))(1.5 + np.arange(edge) / step).astype(np.float32)
            for few, edge in zip(coarse, size, strict=True)
        )
        return np.asarray(rows @ fields @ columns.T)
    pad = int(np.ceil(4 * length))  # the transform wraps around; what wraps is cut away
    full = [fft.next_fast_len(edge + pad, real=True) for edge in size]
    noise = rng.standard_normal((n, *full), dtype=np.float32)
    y, x = np.meshgrid(fft.fftfreq(full[0]), fft.rfftfreq(full[1]), indexing="ij")
    transfer = np.exp(-((np.pi * length) ** 2) * (y**2 + x**2)).astype(np.float32)  # Gaussian filter of SD length/√2
    weight = np.full(transfer.shape, 2.0)  # a half spectrum: all columns but the first (and the middle one) count twice
    weight[:, 0] = 1
    if full[1] % 2 == 0:
        weight[:, -1] = 1
    transfer /= np.sqrt((weight * transfer**2).sum() / (full[0] * full[1]))
    fields = fft.irfft2(fft.rfft2(noise) * transfer, s=full)
    return np.asarray(fields[:, : size[0], : size[1]], np.float32)


def slow_noise(n: int, frames: int, tau: float, rng: np.random.Generator) -> np.ndarray:
    """(n, frames) stationary AR(1) noise of variance 1 and time constant `tau` in frames."""
    keep = float(np.exp(-1 / tau))
    noise = rng.standard_normal((n, frames)) * np.sqrt(1 - keep**2)
    noise[:, :1] /= np.sqrt(1 - keep**2)  # start in equilibrium
    return np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=1))


def rhythm(n: int, frames: int, frequency: float, tau: float, rng: np.random.Generator) -> np.ndarray:
    """(n, frames) stationary oscillations of variance 1 whose amplitude and phase wander: correlation cos(2π f t) exp(-t / tau).

    Args:
        frequency: cycles per frame; above 1/2 it is seen aliased, as a camera sees it. tau: frames.
    """
    phase = 2 * np.pi * frequency * np.arange(frames)
    return np.asarray(slow_noise(n, frames, tau, rng) * np.cos(phase) + slow_noise(n, frames, tau, rng) * np.sin(phase))


def kicks(n: int, frames: int, rate: float, tau: float, rng: np.random.Generator) -> np.ndarray:
    """(n, frames) sudden normal jumps at random times, each decaying exponentially; mean 0, variance 1 (Campbell's theorem).

    Args:
        rate: kicks per frame, the same for all n rows. tau: of the decay, frames.
    """
    before = int(np.ceil(5 * tau))
    count = int(rng.poisson(rate * (before + frames)))
    onset = rng.uniform(0, before + frames, count)
    first = np.minimum(np.ceil(onset).astype(np.int64), before + frames - 1)
    sizes = rng.standard_normal((n, count)) * np.exp((onset - first) / tau) * np.sqrt(2 / (rate * tau))
    jumps = np.zeros((n, before + frames))
    for row, size in zip(jumps, sizes, strict=True):
        row += np.bincount(first, size, minlength=before + frames)
    return np.asarray(lfilter([1.0], [1.0, -float(np.exp(-1 / tau))], jumps, axis=1)[:, before:])
