"""A Bessel beam as a microscope makes it: a thin annulus of light at the back aperture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.bessel import HALF
from detectnmf.simulate.psf.pixels import half_size, plane_integral, positive, radial_grid, radial_kernels
from detectnmf.simulate.psf.pupil import Pupil, intensity, symmetric

SINC4 = 1.0019  # (sin x / x)⁴ = 1/2


@dataclass(frozen=True)
class BesselAnnular:
    """Two-photon excitation through an evenly lit annulus between two numerical apertures.

    Rings, length and axial profile all follow from the annulus. With the cosines c of its two angles in the medium, the squared
    intensity on the axis has FWHM 0.638 λ / (index (c_inner - c_outer)), from sinc⁴; across, J0⁴ of the mean aperture,
    FWHM 0.26 λ / NA. The energy is 1 in focus. Kernels are `reach` wide either way; light that falls beyond, at the
    defaults 0.2 % of the energy in focus and at most 2.5 % of it far beyond the needle's ends, is spread over them.

    Args:
        pixel_size: µm.
        inner, outer: numerical apertures between which light passes. The closer, the longer and the dimmer the beam.
        wavelength: of the laser (µm).
        index: refractive index of the medium.
        reach: half width of the kernels (µm).
    """

    pixel_size: float = 1.0
    inner: float = 0.32
    outer: float = 0.36
    wavelength: float = 0.92
    index: float = 1.33
    reach: float = 15.0

    def __post_init__(self) -> None:
        positive(self, "pixel_size", "reach")
        if not self.outer < self.index:
            raise UserError(f"psf.outer must be below the refractive index {self.index}, got {self.outer}")
        if not 0 < self.inner < self.outer:
            raise UserError(f"psf.inner must lie between 0 and psf.outer = {self.outer}, got {self.inner}")
        _ = self.pupil

    @cached_property
    def pupil(self) -> Pupil:
        """The annulus."""
        return Pupil(self.outer, self.inner, wavelength=self.wavelength, index=self.index, tissue=self.index)

    @property
    def length(self) -> float:
        """Axial FWHM (µm) of the squared intensity on the axis."""
        inner, outer = self.pupil.cosines(np.array([self.inner, self.outer]), self.index)
        return float(4 * SINC4 / (self.pupil.wavenumber * self.index * (inner - outer)))

    @property
    def width(self) -> float:
        """Lateral FWHM (µm) of the squared intensity."""
        return float(2 * HALF / (self.pupil.wavenumber * (self.inner + self.outer) / 2))

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        z = np.append(np.asarray(depth, float), 0.0)
        envelope = 2 * self.wavelength / (self.outer - self.inner)  # radius at which the rings have died away in focus
        far = np.abs(z).max() * self.pupil.slope() + envelope
        radius = radial_grid(max(far, self.reach + 2 * self.pixel_size), self.width / 8)
        profile = symmetric(lambda z: intensity(self.pupil, radius, z) ** 2, z)
        energy = plane_integral(profile, radius)
        half = half_size(self.reach, self.pixel_size)
        return radial_kernels(profile[:-1] / energy[-1], radius, energy[:-1] / energy[-1], half, self.pixel_size, self.width)
