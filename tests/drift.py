"""Movies that move by known shifts: a smooth random texture of infinite extent, looked at through a window that wanders."""

from __future__ import annotations

import numpy as np

from detectnmf.recording import Recording

BLOB = 2.0  # px, standard deviation of the Gaussian whose noise makes the texture


def texture(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(Y, X) periodic, band-limited, standard deviation 1."""
    rng = np.random.default_rng(seed)
    k = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1]))
    image = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(size)) * np.exp(-2 * (np.pi * k * BLOB) ** 2), s=size)
    return image / image.std()


def shifted(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The periodic image moved by (down, right) px, exactly."""
    ramp = shift[0] * np.fft.fftfreq(image.shape[0])[:, None] + shift[1] * np.fft.rfftfreq(image.shape[1])
    return np.fft.irfft2(np.fft.rfft2(image) * np.exp(-2j * np.pi * ramp), s=image.shape)


def wander(frames: int, reach: float, seed: int = 0) -> np.ndarray:
    """(T, 2) px, slow, never beyond `reach`."""
    steps = np.cumsum(np.random.default_rng([seed, 1]).standard_normal((frames, 2)), axis=0)
    steps -= steps.mean(axis=0)
    return reach * steps / np.abs(steps).max()


def moving(
    frames: int = 100, size: tuple[int, int] = (64, 72), reach: float = 4.0, noise: float = 0.5, seed: int = 0
) -> tuple[Recording, np.ndarray]:
    """A recording of standard deviation 10 about 100 and noise relative to that, and its shifts (T, 2) px: rigid."""
    shifts = wander(frames, reach, seed)
    border = int(np.ceil(reach)) + 4
    wide = texture((size[0] + 2 * border, size[1] + 2 * border), seed)
    movie = np.stack([shifted(wide, shift)[border:-border, border:-border] for shift in shifts])
    movie += noise * np.random.default_rng([seed, 2]).standard_normal(movie.shape)
    return Recording((100 + 10 * movie).astype(np.float32), rate=10.0, name="moving"), shifts


def still(frames: int = 100, size: tuple[int, int] = (64, 72), noise: float = 0.5, seed: int = 0) -> Recording:
    """The same tissue, at rest."""
    image = texture(size, seed)
    movie = image + noise * np.random.default_rng([seed, 3]).standard_normal((frames, *size))
    return Recording((100 + 10 * movie).astype(np.float32), rate=10.0, name="still")


def bending(
    frames: int = 60, size: tuple[int, int] = (128, 128), stretch: float = 2.0, noise: float = 0.3, reach: float = 0.0, seed: int = 0
) -> tuple[Recording, np.ndarray]:
    """A recording that is stretched, and its displacement (T, Y, X, 2) px: left and right, top and bottom move apart by up to `stretch`.

    The whole moves by up to `reach` px besides.
    """
    from scipy.ndimage import map_coordinates

    border = 16
    wide = texture((size[0] + 2 * border, size[1] + 2 * border), seed)
    course = wander(frames, stretch, seed)
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    field = np.stack([(y / (size[0] - 1) - 0.5) * 2, (x / (size[1] - 1) - 0.5) * 2], axis=-1)
    whole = wander(frames, reach, seed + 1) if reach else np.zeros((frames, 2))
    moved = course[:, None, None] * field + whole[:, None, None]
    movie = np.empty((frames, *size))
    for frame, by, shift in zip(
        movie, course, whole, strict=True
    ):  # seen at q = p + by u(p): p = (q + by - whole) / (1 + 2 by / (side - 1))
        sides = [(np.arange(side) + step - off) / (1 + 2 * step / (side - 1)) for side, step, off in zip(size, by, shift, strict=True)]
        at = np.stack(np.meshgrid(*sides, indexing="ij")) + border
        frame[:] = map_coordinates(wide, at, order=5, mode="grid-wrap")
    movie += noise * np.random.default_rng([seed, 4]).standard_normal(movie.shape)
    return Recording((100 + 10 * movie).astype(np.float32), rate=10.0, name="bending"), moved
