"""One-photon widefield, as in a miniscope: no sectioning, out-of-focus light in full, scattering tissue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import positive
from detectnmf.simulate.psf.widefield import Transfer, blur_kernels, blur_radius, detection_fwhm, scatter_transfer


@dataclass(frozen=True)
class OnePhoton:
    """Everything glows and is collected; the farther from focus, the wider its blur disc.

    A point d = focus + z below the surface is lit by exp(-d / attenuation). Of its light exp(-d / free_path) arrives unscattered and
    makes the disc; the rest makes a halo around it, see `scatter_transfer`. The energy is 1 in focus, more above it, and 0 above the
    surface. Kernels are `reach` wide either way; the halo that falls beyond is spread over them: at the defaults 11 % of the light in
    focus, 43 % of that 100 µm below. With a deep focus (39 % at 200 µm) give a larger reach, or halos are too compact.

    Args:
        pixel_size: µm.
        na: numerical aperture of the objective or GRIN lens.
        wavelength: of the emission (µm).
        index: refractive index of the tissue.
        focus: depth of the focal plane below the surface or the lens (µm).
        attenuation: 1/e length of the exciting light (µm); null for none.
        free_path: scattering mean free path of the emission (µm), in grey matter 30-100; null for clear tissue.
        anisotropy: mean cosine g of the scattering angle, in brain 0.85-0.95.
        reach: half width of the kernels (µm).
    """

    pixel_size: float = 1.0
    na: float = 0.45
    wavelength: float = 0.52
    index: float = 1.36
    focus: float = 100.0
    attenuation: float | None = 200.0
    free_path: float | None = 80.0
    anisotropy: float = 0.9
    reach: float = 60.0

    def __post_init__(self) -> None:
        positive(self, "pixel_size", "reach", *(name for name in ("attenuation", "free_path") if getattr(self, name) is not None))
        if not 0 < self.na < self.index:
            raise UserError(f"psf.na must be above 0 and below the refractive index {self.index}, got {self.na}")
        if not 0.2 <= self.wavelength <= 2:
            raise UserError(f"psf.wavelength is in µm, for example 0.52, got {self.wavelength}")
        if not self.focus >= 0:
            raise UserError(f"psf.focus must be 0 µm or more, got {self.focus}")
        if not 0 < self.anisotropy < 1:
            raise UserError(f"psf.anisotropy must lie between 0 and 1, got {self.anisotropy}")

    @property
    def lateral(self) -> float:
        """Lateral FWHM in focus (µm) of the light that is not scattered."""
        return detection_fwhm(self.na, self.wavelength)

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        z = np.asarray(depth, float)
        path = np.maximum(self.focus + z, 0)
        energy = np.exp(-z / self.attenuation) if self.attenuation else np.ones(len(z))
        energy = np.where(z >= -self.focus, energy, 0.0)
        radius = blur_radius(z, self.na, self.index)
        return blur_kernels(radius, self.lateral, energy, self.reach, self.pixel_size, self._scattering(path))

    def _scattering(self, path: np.ndarray) -> Transfer | None:
        """The halo after `path` (D,) µm of tissue."""
        if self.free_path is None:
            return None
        return partial(scatter_transfer, path=path, free_path=self.free_path, anisotropy=self.anisotropy)
