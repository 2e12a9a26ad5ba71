"""A Bessel beam: a needle of light tens of µm long, with rings around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import j0, jn_zeros

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import gaussian_decay, half_size, positive

HALF = float(brentq(lambda x: j0(x) ** 4 - 0.5, 0.1, 2.0))  # J0(HALF)⁴ = 1/2


@dataclass(frozen=True)
class Bessel:
    """Two-photon excitation by a Bessel beam: J0(k r)⁴ across, a Gaussian along the axis.

    Two-photon excitation squares the beam's intensity J0², which leaves a first ring at k r = 3.83 of 2.6 % of the centre.
    The beam ends on a zero of J0, after `rings` rings. The energy is 1 in focus and falls as exp(-4 ln2 (z / length)²).
    `BesselAnnular` gives length and width of a given annulus.

    Args:
        pixel_size: µm.
        length: axial FWHM of the excitation (µm).
        width: lateral FWHM of the excitation (µm).
        rings: side lobes to keep.
    """

    pixel_size: float = 1.0
    length: float = 60.0
    width: float = 0.7
    rings: int = 3

    def __post_init__(self) -> None:
        positive(self, "pixel_size", "length", "width")
        if self.rings < 0:
            raise UserError(f"psf.rings must be 0 or more, got {self.rings}")

    @property
    def wavenumber(self) -> float:
        """k of J0(k r), in 1/µm."""
        return 2 * HALF / self.width

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        reach = jn_zeros(0, self.rings + 1)[-1] / self.wavenumber  # µm
        half = half_size(reach, self.pixel_size)
        fine = 2 * int(np.ceil(4 * self.pixel_size / self.width)) + 1  # samples across a pixel, odd so that one hits the centre
        line = (np.arange((2 * half + 1) * fine) - ((2 * half + 1) * fine - 1) / 2) * self.pixel_size / fine
        radius = np.hypot(line[:, None], line)
        beam = np.where(radius <= reach, j0(self.wavenumber * radius) ** 4, 0.0)
        kernel = beam.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean(axis=(1, 3))
        return np.asarray(gaussian_decay(depth, self.length)[:, None, None] * (kernel / kernel.sum()))
