"""Small movies of which everything is known."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from detectnmf.recording import Recording

SIZE = (48, 56)


def field(seed: int = 0, size: tuple[int, int] = SIZE, width: float = 1.5) -> np.ndarray:
    """(Y, X) structure of mean 200 and deviation 30."""
    image = gaussian_filter(np.random.default_rng(seed).standard_normal(size), width, mode="wrap")
    return 200 + 30 * (image - image.mean()) / image.std()


def shifted(image: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """(T, Y, X) the image moved by (T, 2) px (down, right), by Fourier's theorem."""
    ky, kx = np.meshgrid(np.fft.fftfreq(image.shape[0]), np.fft.fftfreq(image.shape[1]), indexing="ij")
    phase = np.exp(-2j * np.pi * (shifts[:, 0, None, None] * ky + shifts[:, 1, None, None] * kx))
    return np.fft.ifft2(np.fft.fft2(image) * phase).real


def movie(frames: int = 200, noise: float = 4.0, seed: int = 0) -> np.ndarray:
    """(T, Y, X) float32, still, with white noise."""
    rng = np.random.default_rng(seed)
    return (field(seed) + noise * rng.standard_normal((frames, *SIZE))).astype(np.float32)


def recording(frames: np.ndarray, **options) -> Recording:
    return Recording(frames, **{"rate": 10.0, "name": "toy", **options})
