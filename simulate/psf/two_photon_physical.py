"""Two-photon excitation by the beam that a real back aperture gives, tails and spherical aberration included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import half_size, plane_integral, positive, radial_grid, radial_kernels
from detectnmf.simulate.psf.pupil import Pupil, best_focus, intensity, symmetric


@dataclass(frozen=True)
class TwoPhotonPhysical:
    """The square of a vectorial focus (see `pupil`), integrated over pixels.

    The energy, the squared intensity summed over a plane, is 1 in focus and falls as 1 / z² far out: slower than `TwoPhoton`'s, so
    that strongly stained tissue far from focus glows through. Depth 0 is where the axis is brightest. Kernels are `reach` wide
    either way; light that falls beyond, at the defaults less than 3e-4 of the energy in focus, is spread over them.

    Args:
        pixel_size: µm.
        na: numerical aperture of the objective.
        fill: 1/e² radius of the laser beam at the back aperture, in radii of the aperture; small values widen the focus.
        wavelength: of the laser (µm).
        index: refractive index of the immersion.
        tissue: refractive index of the tissue.
        depth: of the focal plane below the surface (µm): with it grows the spherical aberration that the two indices cause.
        reach: half width of the kernels (µm).
    """

    pixel_size: float = 1.0
    na: float = 0.8
    fill: float = 0.5
    wavelength: float = 0.92
    index: float = 1.33
    tissue: float = 1.36
    depth: float = 0.0
    reach: float = 15.0

    def __post_init__(self) -> None:
        positive(self, "pixel_size", "reach")
        if not 0 < self.na < min(self.index, self.tissue):
            raise UserError(f"psf.na must be above 0 and below the refractive indices {self.index} and {self.tissue}, got {self.na}")
        _ = self.pupil

    @cached_property
    def pupil(self) -> Pupil:
        """What the objective lets through."""
        return Pupil(self.na, 0.0, self.fill, self.wavelength, self.index, self.tissue, self.depth)

    @cached_property
    def focus(self) -> float:
        """Where the axis is brightest, below the nominal focus (µm)."""
        return best_focus(self.pupil)

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        z = self.focus + np.append(np.asarray(depth, float), 0.0)
        spot = self.wavelength / self.na
        far = np.abs(z).max() * self.pupil.slope() + 4 * spot
        radius = radial_grid(max(far, self.reach + 2 * self.pixel_size), spot / 30, 0.03)

        def glow(z: np.ndarray) -> np.ndarray:
            return intensity(self.pupil, radius, z) ** 2

        profile = symmetric(glow, z) if self.focus == 0 else glow(z)
        energy = plane_integral(profile, radius)
        half = half_size(self.reach, self.pixel_size)
        return radial_kernels(profile[:-1] / energy[-1], radius, energy[:-1] / energy[-1], half, self.pixel_size, spot / 2)
