"""No optics: each point falls into its own pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.simulate.psf.pixels import positive


@dataclass(frozen=True)
class Ideal:
    """No blur; all depths within a slab are seen alike and none beyond. For two-dimensional simulations.

    Args:
        pixel_size: µm.
        thickness: of the slab around the focal plane (µm); the energy is 1 where |z| <= thickness / 2, and 0 beyond.
    """

    pixel_size: float = 1.0
    thickness: float = 20.0

    def __post_init__(self) -> None:
        positive(self, "pixel_size", "thickness")

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, 1, 1)."""
        return np.asarray((np.abs(np.asarray(depth, float)) <= self.thickness / 2).astype(float)[:, None, None])
