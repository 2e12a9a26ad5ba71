"""Neuropil: a textured image whose brightness drifts smoothly in space and slowly in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.signal import lfilter

from detectnmf.errors import UserError
from detectnmf.simulate.background.base import Neuropil


def smooth_fields(n: int, size: tuple[int, int], length: float, rng: np.random.Generator) -> np.ndarray:
    """(n, Y, X) Gaussian random fields of mean 0, variance 1 and correlation exp(-r² / (2 length²)), length in px."""
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


@dataclass(frozen=True)
class Smooth:
    """A sum of smooth random images, each with its own slow random time course.

    Args:
        amplitude: standard deviation of the fluctuation over time, relative to the local mean.
        length: correlation length in space (µm).
        tau: correlation time (s).
        modes: how many images are summed.
        texture: standard deviation of the mean image over space, relative to its mean; half of it coarse, half fine.
        grain: correlation length of the fine texture (µm).
    """

    amplitude: float = 0.04
    length: float = 25.0
    tau: float = 1.0
    modes: int = 20
    texture: float = 0.08
    grain: float = 1.5

    def __post_init__(self) -> None:
        if not 0 <= self.amplitude <= 0.25:
            raise UserError(f"neuropil.amplitude must lie in 0..0.25 (more would make negative light), got {self.amplitude}")
        for name in ("length", "tau", "grain"):
            if not getattr(self, name) > 0:
                raise UserError(f"neuropil.{name} must be above 0, got {getattr(self, name)}")
        if self.modes < 1:
            raise UserError(f"neuropil.modes must be 1 or more, got {self.modes}; for no fluctuation use neuropil=none")
        if not 0 <= self.texture <= 0.5:
            raise UserError(f"neuropil.texture must lie in 0..0.5, got {self.texture}")

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Neuropil:
        """The fluctuation is proportional to the local mean."""
        coarse = smooth_fields(1, size, self.length / pixel_size, rng)[0]
        fine = smooth_fields(1, size, self.grain / pixel_size, rng)[0]
        baseline = np.maximum(1 + self.texture * (coarse + fine) / np.sqrt(2), 0.2)
        images = smooth_fields(self.modes, size, self.length / pixel_size, rng) * (self.amplitude / np.sqrt(self.modes))
        courses = slow_noise(self.modes, frames, self.tau * rate, rng)
        courses -= courses.mean(axis=1, keepdims=True)
        spatial = np.ascontiguousarray((images * baseline).reshape(self.modes, -1).T, np.float32)
        return Neuropil(baseline, spatial, courses.astype(np.float32))
