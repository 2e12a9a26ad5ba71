"""Two-photon excitation by a focused beam: a Gaussian in all three directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import FWHM, gaussian_decay, gaussian_lines, half_size, positive

REACH = 3.7  # 1/e half widths in focus: no depth loses more than 1e-4 of the energy in focus beyond


def lateral_fwhm(na: float, wavelength: float) -> float:
    """Lateral FWHM (µm) of the squared intensity; Zipfel, Williams & Webb 2003, box 1. `wavelength` in µm."""
    width = 0.320 * wavelength / (np.sqrt(2) * na) if na <= 0.7 else 0.325 * wavelength / (np.sqrt(2) * na**0.91)
    return float(FWHM * width)


def axial_fwhm(na: float, wavelength: float, index: float) -> float:
    """Axial FWHM (µm) of the squared intensity; Zipfel, Williams & Webb 2003, box 1. `wavelength` in µm."""
    return float(FWHM * 0.532 * wavelength / np.sqrt(2) / (index - np.sqrt(index**2 - na**2)))


def rayleigh_range(axial: float) -> float:
    """z_R (µm) of the Gaussian beam whose squared intensity on the axis, (1 + (z/z_R)²)^-2, has this FWHM."""
    return float(axial / (2 * np.sqrt(np.sqrt(2) - 1)))


@dataclass(frozen=True)
class TwoPhoton:
    """A Gaussian PSF whose widths follow from the objective.

    The energy is 1 in focus and falls as exp(-4 ln2 (z / axial)²): thinner tails than a real beam's (see `TwoPhotonPhysical`). The
    lateral FWHM grows as that of a Gaussian beam, lateral · sqrt(1 + (z / z_R)²), so that what is out of focus is dim and blurred.

    Args:
        pixel_size: µm.
        na: numerical aperture that the beam really fills (in vivo often 0.4-0.6).
        wavelength: of the laser (µm).
        index: refractive index of the immersion.
    """

    pixel_size: float = 1.0
    na: float = 0.5
    wavelength: float = 0.92
    index: float = 1.33

    def __post_init__(self) -> None:
        positive(self, "pixel_size")
        if not 0 < self.na < self.index:
            raise UserError(f"psf.na must be above 0 and below the refractive index {self.index}, got {self.na}")
        if not 0.2 <= self.wavelength <= 5:
            raise UserError(f"psf.wavelength is in µm, for example 0.92, got {self.wavelength}")

    @property
    def lateral(self) -> float:
        """Lateral FWHM in focus (µm)."""
        return lateral_fwhm(self.na, self.wavelength)

    @property
    def axial(self) -> float:
        """Axial FWHM (µm)."""
        return axial_fwhm(self.na, self.wavelength, self.index)

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        depth = np.asarray(depth, float)
        half = half_size(REACH * self.lateral / FWHM, self.pixel_size)
        width = self.lateral * np.sqrt(1 + (depth / rayleigh_range(self.axial)) ** 2)
        line = gaussian_lines(width, half, self.pixel_size)
        line /= line.sum(axis=1, keepdims=True)
        return np.asarray(gaussian_decay(depth, self.axial)[:, None, None] * line[:, :, None] * line[:, None, :])
