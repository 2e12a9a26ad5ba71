"""What the detector makes of light: `Camera` is the contract, `PhotonCamera` the usual chip or photomultiplier.

To add one: write a frozen dataclass with the members of `Camera`, and a YAML in `configs/camera` with its `_target_` and knobs.
The contract tests find the YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detectnmf.errors import UserError


class Camera(Protocol):
    """From expected photons to counts; counts = offset + gain · photons + noise."""

    @property
    def gain(self) -> float: ...  # counts per photon
    @property
    def offset(self) -> float: ...  # counts in the dark
    @property
    def dtype(self) -> str: ...  # of the recording

    def std(self, photons: np.ndarray) -> np.ndarray:
        """Standard deviation of the noise (counts) where so many photons are expected."""
        ...

    def counts(self, photons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Expected photons of one frame or more -> noisy counts in `dtype`, clipped at its ends."""
        ...


@dataclass(frozen=True)
class PhotonCamera:
    """Gaussian noise whose variance grows with the signal: var = read_noise² + gain · (counts above the offset).

    Args:
        gain: counts per photon.
        read_noise: standard deviation in the dark (counts).
        offset: mean in the dark (counts).
        dtype: of the recording: uint8, uint16, int16 or float32.
    """

    gain: float = 4.0
    read_noise: float = 4.0
    offset: float = 100.0
    dtype: str = "uint16"

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise UserError(f"camera.gain must be above 0 counts per photon, got {self.gain}")
        if self.read_noise < 0:
            raise UserError(f"camera.read_noise must be 0 counts or more, got {self.read_noise}")
        if self.dtype not in ("uint8", "uint16", "int16", "float32"):
            raise UserError(f"camera.dtype must be uint8, uint16, int16 or float32, got {self.dtype!r}")

    def std(self, photons: np.ndarray) -> np.ndarray:
        """Standard deviation of the noise (counts)."""
        return np.sqrt(self.read_noise**2 + self.gain**2 * np.maximum(photons, 0))

    def counts(self, photons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Noisy counts in `dtype`."""
        photons = np.asarray(photons, np.float32)
        noise = rng.standard_normal(photons.shape, dtype=np.float32)
        spread = np.maximum(photons, np.float32(0))
        spread *= np.float32(self.gain**2)
        spread += np.float32(self.read_noise**2)
        noise *= np.sqrt(spread, out=spread)
        noise += photons * np.float32(self.gain)
        noise += np.float32(self.offset)
        if self.dtype == "float32":
            return noise
        ends = np.iinfo(self.dtype)
        return np.clip(np.rint(noise, out=noise), ends.min, ends.max, out=noise).astype(self.dtype)
