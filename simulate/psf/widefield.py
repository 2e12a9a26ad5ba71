"""What a camera's objective makes of a point: a blur disc out of focus, softened by diffraction and by scattering."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import j0, j1

from detectnmf.simulate.psf.pixels import half_size, legendre, radial_grid, radial_kernels

Transfer = Callable[[np.ndarray], np.ndarray]
SOFT = 0.25  # SD of the blur disc's rim, in radii: no real lens has a sharp one, and soft discs are sums of far fewer terms
SIGMA = 1 / (2 * np.sqrt(2 * np.log(2)))  # standard deviation of a Gaussian, in units of its FWHM


def detection_fwhm(na: float, wavelength: float) -> float:
    """Lateral FWHM (µm) in focus, 0.51 λ / NA. `wavelength` of the emission in µm."""
    return 0.51 * wavelength / na


def blur_radius(depth: np.ndarray, na: float, index: float) -> np.ndarray:
    """(D,) radius (µm) of the blur disc by geometry, |z| tan(asin(NA / index))."""
    return np.asarray(np.abs(depth) * np.tan(np.arcsin(na / index)))


def scatter_transfer(frequency: np.ndarray, path: np.ndarray, free_path: float, anisotropy: float) -> np.ndarray:
    """(D, Q) transform of where photons seem to come from after `path` µm of scattering tissue; its limit exp(-path / free_path) at high
    frequencies is the share that arrives unscattered.

    Small-angle scattering (Wells 1969): exp(-(1 / free_path) ∫ (1 - p(q s)) ds over the path), for an event at a distance s from the
    source shifts a ray's apparent origin by s times its angle. p is the transform of the single event's angles: for Henyey and
    Greenstein's function, at small angles ~ (b² + angle²)^(-3/2) with b = (1 - g) / sqrt(g), it is exp(-b q s).
    """
    spread = (1 - anisotropy) / np.sqrt(anisotropy)
    argument = np.maximum(spread * np.multiply.outer(path, frequency), 1e-9)
    return np.asarray(np.exp(-(path[:, None] / free_path) * (1 + np.expm1(-argument) / argument)))


def disc_transfer(frequency: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """(D, Q) transform of blur discs of area 1 and these radii R at these angular frequencies q (1/µm).

    A smaller disc, 2 J1(q r) / (q r), is convolved with a Gaussian of SD SOFT r, so that the variance along x is that of a sharp disc
    of radius R, R² / 4.
    """
    argument = np.maximum(np.multiply.outer(radius / np.sqrt(1 + 4 * SOFT**2), frequency), 1e-6)
    return np.asarray(2 * j1(argument) / argument * np.exp(-((SOFT * argument) ** 2) / 2))


def blur_kernels(
    radius: np.ndarray, fwhm: float, energy: np.ndarray, reach: float, pixel_size: float, tissue: Transfer | None = None
) -> np.ndarray:
    """Blur discs convolved with a Gaussian and with what the tissue adds.

    Args:
        radius: (D,) of the discs (µm).
        fwhm: of the Gaussian (µm).
        energy: (D,) sums of the kernels.
        reach: half width of the kernels (µm); what falls beyond is spread over them.
        pixel_size: µm.
        tissue: (Q,) angular frequencies (1/µm) -> (D, Q) transform of a further blur of area 1.

    Returns:
        (D, h, h).
    """
    half = half_size(reach, pixel_size)
    r = radial_grid((half + 1) * pixel_size, fwhm / 8, 0.02)
    top = 4.5 / (SIGMA * fwhm)  # 1/µm; the Gaussian's transform has fallen to 4e-5
    node, weight = legendre(int(0.6 * top * r[-1]) + 32)
    q, weight = top * (node + 1) / 2, top * weight / 2
    transfer = disc_transfer(q, radius) * np.exp(-((SIGMA * fwhm * q) ** 2) / 2)
    if tissue is not None:
        transfer *= tissue(q)
    profile = transfer @ ((weight * q)[:, None] * j0(np.multiply.outer(q, r))) / (2 * np.pi)
    return radial_kernels(np.maximum(profile, 0) * energy[:, None], r, energy, half, pixel_size, fwhm)
