"""Two-photon excitation by a focused beam: a Gaussian in all three directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from detectnmf.errors import UserError

FWHM = 2 * np.sqrt(np.log(2))  # full width at half maximum of exp(-x²/w²), in units of w


def lateral_fwhm(na: float, wavelength: float) -> float:
    """Lateral FWHM (µm) of the squared intensity; Zipfel, Williams & Webb 2003, box 1. `wavelength` in µm."""
    width = 0.320 * wavelength / (np.sqrt(2) * na) if na <= 0.7 else 0.325 * wavelength / (np.sqrt(2) * na**0.91)
    return float(FWHM * width)


def axial_fwhm(na: float, wavelength: float, index: float) -> float:
    """Axial FWHM (µm) of the squared intensity; Zipfel, Williams & Webb 2003, box 1. `wavelength` in µm."""
    return float(FWHM * 0.532 * wavelength / np.sqrt(2) / (index - np.sqrt(index**2 - na**2)))


def pixel_gaussian(fwhm: float, pixel_size: float) -> np.ndarray:
    """(n,) a Gaussian of this FWHM (µm) integrated over pixels, n odd, sum 1."""
    width = fwhm / FWHM
    half = max(1, int(np.ceil(3 * width / pixel_size)))
    edges = (np.arange(2 * half + 2) - half - 0.5) * pixel_size
    profile = np.diff(erf(edges / width))
    return np.asarray(profile / profile.sum())


@dataclass(frozen=True)
class TwoPhoton:
    """A Gaussian PSF whose widths follow from the objective.

    The energy is 1 in focus and falls as exp(-4 ln2 (z / axial)²). The lateral width is the same at all depths: fit for
    focused beams, not for out-of-focus light.

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
        if not self.pixel_size > 0:
            raise UserError(f"psf.pixel_size must be above 0 µm, got {self.pixel_size}")
        if not 0 < self.na < self.index:
            raise UserError(f"psf.na must be above 0 and below the refractive index {self.index}, got {self.na}")
        if not 0.2 <= self.wavelength <= 5:
            raise UserError(f"psf.wavelength is in µm, for example 0.92, got {self.wavelength}")

    @property
    def lateral(self) -> float:
        """Lateral FWHM (µm)."""
        return lateral_fwhm(self.na, self.wavelength)

    @property
    def axial(self) -> float:
        """Axial FWHM (µm)."""
        return axial_fwhm(self.na, self.wavelength, self.index)

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        line = pixel_gaussian(self.lateral, self.pixel_size)
        energy = np.exp(-4 * np.log(2) * (np.asarray(depth, float) / self.axial) ** 2)
        return np.asarray(energy[:, None, None] * np.outer(line, line))
