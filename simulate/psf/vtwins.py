"""vTwINS: two tilted beams form a V, and each cell is seen twice, the farther apart the deeper it lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import FWHM, gaussian_decay, gaussian_lines, half_size, positive

COVERED = 1.6  # lengths from the focal plane at which the beams have fallen to 1e-3


@dataclass(frozen=True)
class VTwINS:
    """Two-photon excitation by two beams tilted against each other (Song et al. 2017).

    A point is seen at x ± (z + offset) tan(angle), half of its energy each: its two images are 2 |z + offset| tan(angle) apart. The
    beams cross `offset` above the focal plane; with offset > length the pair tells the depth without doubt. The energy is 1 in
    focus and falls as exp(-4 ln2 (z / length)²). Images of depths where that is below 1e-3 may lie outside of the kernel and are lost.

    Args:
        pixel_size: µm.
        length: axial FWHM of the beams (µm).
        width: lateral FWHM of the beams (µm), the same at all depths.
        angle: tilt of each beam against the axis (degrees).
        offset: distance of the beams' crossing above the focal plane (µm).
    """

    pixel_size: float = 1.0
    length: float = 45.0
    width: float = 1.2
    angle: float = 15.0
    offset: float = 50.0

    def __post_init__(self) -> None:
        positive(self, "pixel_size", "length", "width")
        if not 0 <= self.angle < 60:
            raise UserError(f"psf.angle must be at least 0 and below 60 degrees, got {self.angle}")
        if not np.isfinite(self.offset):
            raise UserError(f"psf.offset must be a number of µm, got {self.offset}")

    def separation(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm between the two images."""
        return np.asarray(2 * np.abs(np.asarray(depth, float) + self.offset) * np.tan(np.deg2rad(self.angle)))

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w), the images side by side along x."""
        depth = np.asarray(depth, float)
        blur = 3 * self.width / FWHM
        ends = self.separation(COVERED * self.length * np.array([-1.0, 1.0]))
        high, wide = (half_size(reach, self.pixel_size) for reach in (blur, float(ends.max()) / 2 + blur))
        width, shift = np.full(len(depth), self.width), self.separation(depth) / 2
        row = gaussian_lines(width, high, self.pixel_size)
        column = (gaussian_lines(width, wide, self.pixel_size, shift) + gaussian_lines(width, wide, self.pixel_size, -shift)) / 2
        return np.asarray(gaussian_decay(depth, self.length)[:, None, None] * row[:, :, None] * column[:, None, :])
