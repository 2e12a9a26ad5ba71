"""Light sheet: a thin plane is lit from the side and seen by a widefield objective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import gaussian_decay, positive
from detectnmf.simulate.psf.widefield import blur_kernels, blur_radius, detection_fwhm

COVERED = 1.6  # thicknesses from the focal plane at which the sheet has fallen to 1e-3


@dataclass(frozen=True)
class LightSheet:
    """A Gaussian sheet in the focal plane, each depth of it seen as the objective's blur disc.

    The energy is the sheet's profile, exp(-4 ln2 (z / thickness)²). Kernels cover the discs of all depths at which the sheet is
    brighter than 1e-3. For clear samples; there is no scattering.

    Args:
        pixel_size: µm.
        thickness: FWHM of the sheet (µm).
        na: numerical aperture of the detection.
        wavelength: of the emission (µm).
        index: refractive index of the sample.
    """

    pixel_size: float = 1.0
    thickness: float = 5.0
    na: float = 0.8
    wavelength: float = 0.52
    index: float = 1.33

    def __post_init__(self) -> None:
        positive(self, "pixel_size", "thickness")
        if not 0 < self.na < self.index:
            raise UserError(f"psf.na must be above 0 and below the refractive index {self.index}, got {self.na}")
        if not 0.2 <= self.wavelength <= 2:
            raise UserError(f"psf.wavelength is in µm, for example 0.52, got {self.wavelength}")

    @property
    def lateral(self) -> float:
        """Lateral FWHM in focus (µm)."""
        return detection_fwhm(self.na, self.wavelength)

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        z = np.asarray(depth, float)
        reach = float(blur_radius(np.array([COVERED * self.thickness]), self.na, self.index)[0]) + self.lateral
        radius = blur_radius(np.clip(z, -2 * self.thickness, 2 * self.thickness), self.na, self.index)  # beyond is darkness
        return blur_kernels(radius, self.lateral, gaussian_decay(z, self.thickness), reach, self.pixel_size)
