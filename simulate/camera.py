"""What the detector makes of light: `Camera` is the contract, `PhotonCamera` the usual chip or detector, `PoissonCamera` for few photons.

To add one: write a frozen dataclass with the members of `Camera`, and a YAML in `configs/camera` with its `_target_` and knobs.
The contract tests find the YAML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detectnmf.errors import UserError

BLOCK = 1 << 16  # pixels worked on at a time, so that all steps stay in the processor's cache


class Camera(Protocol):
    """From expected photons to counts; counts = offset + gain · photons + noise."""

    @property
    def gain(self) -> float: ...  # counts per photon
    @property
    def offset(self) -> float: ...  # counts in the dark
    @property
    def dtype(self) -> str: ...  # of the recording
    @property
    def ends(self) -> tuple[float, float]: ...  # counts, lowest and highest that it can write

    def std(self, photons: np.ndarray) -> np.ndarray:
        """Standard deviation of the noise (counts) where so many photons are expected."""
        ...

    def counts(self, photons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Expected photons of one frame or more -> noisy counts in `dtype`, clipped at its ends."""
        ...


@dataclass(frozen=True)
class Sensor:
    """What all cameras share.

    Args:
        gain: counts per photon.
        read_noise: standard deviation in the dark (counts).
        offset: mean in the dark (counts).
        dtype: of the recording: uint8, uint16, int16 or float32.
        full_well: photons at which a pixel is full and gives no more counts; None for no end but the dtype's.
    """

    gain: float = 4.0
    read_noise: float = 4.0
    offset: float = 100.0
    dtype: str = "uint16"
    full_well: float | None = None

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise UserError(f"camera.gain must be above 0 counts per photon, got {self.gain}")
        if self.read_noise < 0:
            raise UserError(f"camera.read_noise must be 0 counts or more, got {self.read_noise}")
        if self.dtype not in ("uint8", "uint16", "int16", "float32"):
            raise UserError(f"camera.dtype must be uint8, uint16, int16 or float32, got {self.dtype!r}")
        if self.full_well is not None and not self.full_well > 0:
            raise UserError(f"camera.full_well must be above 0 photons, got {self.full_well}; leave it null for no end but the dtype's")

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest count that can be; infinite where there is no end."""
        low, high = (-np.inf, np.inf) if self.dtype == "float32" else (np.iinfo(self.dtype).min, np.iinfo(self.dtype).max)
        full = np.inf if self.full_well is None else self.offset + self.gain * self.full_well
        return float(low), float(min(high, max(full, low)))

    def std(self, photons: np.ndarray) -> np.ndarray:
        """Standard deviation of the noise (counts)."""
        return np.sqrt(self.read_noise**2 + self.gain**2 * np.maximum(photons, 0))

    def blocks(self, photons: np.ndarray, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs of flat pieces of both arrays."""
        flat = np.asarray(photons, np.float32).reshape(-1)
        for start in range(0, len(flat), BLOCK):
            yield flat[start : start + BLOCK], counts.reshape(-1)[start : start + BLOCK]

    @staticmethod
    def write(noisy: np.ndarray, ends: tuple[float, float], counts: np.ndarray) -> None:
        """Round and clip float32 counts, changing them, and enter them into `counts`."""
        if counts.dtype != np.float32:
            np.rint(noisy, out=noisy)
        low, high = ends
        if noisy.min() < low or noisy.max() > high:
            np.clip(noisy, low, high, out=noisy)
        np.copyto(counts, noisy, casting="unsafe")


@dataclass(frozen=True)
class PhotonCamera(Sensor):
    """Gaussian noise whose variance grows with the signal: var = read_noise² + gain · (counts above the offset)."""

    def counts(self, photons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Noisy counts in `dtype`."""
        counts, ends = np.empty(np.shape(photons), self.dtype), self.ends
        gain, offset, dark = np.float32(self.gain), np.float32(self.offset), np.float32(self.read_noise**2)
        signal = np.empty(min(BLOCK, counts.size), np.float32)
        spread = np.empty_like(signal)
        noise = np.empty_like(signal)
        for light, out in self.blocks(photons, counts):
            n = len(light)
            np.multiply(light, gain, out=signal[:n])
            np.multiply(signal[:n], gain, out=spread[:n])
            spread[:n] += dark
            np.maximum(spread[:n], dark, out=spread[:n])
            np.sqrt(spread[:n], out=spread[:n])
            rng.standard_normal(out=noise[:n], dtype=np.float32)
            noise[:n] *= spread[:n]
            noise[:n] += signal[:n]
            noise[:n] += offset
            self.write(noise[:n], ends, out)
        return counts


@dataclass(frozen=True)
class PoissonCamera(Sensor):
    """Whole photons, each amplified by a factor of its own, and Gaussian read noise: exact where photons are few, but five times slower.

    Args:
        excess: excess noise factor F²: 1 where each photon counts the same, about 1.3 for a photomultiplier, 2 for an EMCCD.
            Amplification is gamma distributed (exponential for 2); var = read_noise² + excess · gain² · photons.
    """

    excess: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.excess >= 1:
            raise UserError(f"camera.excess must be 1 or more, got {self.excess}")

    def std(self, photons: np.ndarray) -> np.ndarray:
        """Standard deviation of the noise (counts)."""
        return np.sqrt(self.read_noise**2 + self.excess * self.gain**2 * np.maximum(photons, 0))

    def counts(self, photons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Noisy counts in `dtype`."""
        counts, ends = np.empty(np.shape(photons), self.dtype), self.ends
        for light, out in self.blocks(photons, counts):
            caught = rng.poisson(np.maximum(light, 0)).astype(np.float32)
            if self.excess > 1:  # the sum of n gamma variables of one scale is gamma, too
                caught = rng.standard_gamma(caught / np.float32(self.excess - 1), dtype=np.float32) * np.float32(self.excess - 1)
            noise = rng.standard_normal(len(light), dtype=np.float32)
            noise *= np.float32(self.read_noise)
            caught += np.minimum(light, 0)  # less than dark: hum
            noise += caught * np.float32(self.gain)
            noise += np.float32(self.offset)
            self.write(noise, ends, out)
        return counts
