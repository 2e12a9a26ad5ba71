"""From profiles to pixels: Gaussians and radial profiles, integrated over the pixels of a kernel."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import sparse
from scipy.special import erf

from detectnmf.errors import UserError

RIM = 0.2  # share of a kernel's radius over which it fades to 0 at its edge
FWHM = 2 * np.sqrt(np.log(2))  # full width at half maximum of exp(-x²/w²), in units of w


@cache
def legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n nodes on -1..1 and their weights: Gauss-Legendre quadrature."""
    node, weight = np.polynomial.legendre.leggauss(n)
    return node, weight


def positive(part: object, *names: str) -> None:
    """Raises a UserError unless these knobs of a PSF are finite and above 0."""
    for name in names:
        value = getattr(part, name)
        if not (value > 0 and np.isfinite(value)):
            raise UserError(f"psf.{name} must be above 0, got {value}")


def half_size(reach: float, pixel_size: float) -> int:
    """Pixels on each side of the central one, for a kernel that reaches this far (µm); at least 1."""
    return max(1, int(np.ceil(reach / pixel_size - 0.5)))


def gaussian_decay(depth: np.ndarray, fwhm: float) -> np.ndarray:
    """exp(-4 ln2 (z / fwhm)²)."""
    return np.asarray(np.exp(-4 * np.log(2) * (np.asarray(depth, float) / fwhm) ** 2))


def gaussian_lines(fwhm: np.ndarray, half: int, pixel_size: float, centre: np.ndarray | float = 0.0) -> np.ndarray:
    """(D, 2 half + 1) Gaussians of area 1, of these FWHM (D,) around these centres (µm), integrated over the pixels."""
    width = np.asarray(fwhm, float)[:, None] / FWHM
    edges = (np.arange(2 * half + 2) - half - 0.5) * pixel_size
    return np.asarray(np.diff(erf((edges - np.reshape(centre, (-1, 1))) / width), axis=1) / 2)


def radial_grid(reach: float, step: float, growth: float = 0.0) -> np.ndarray:
    """(R,) radii (µm) from 0 to `reach` or a little more: `step` apart near 0, `growth` x radius apart far out."""
    if growth == 0:
        return np.arange(int(np.ceil(reach / step)) + 2) * step
    n = int(np.ceil(np.arcsinh(reach * growth / step) / growth)) + 2
    return np.asarray(step / growth * np.sinh(growth * np.arange(n)))


def plane_integral(profile: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """(..., R) radial profile -> its integral over the plane, exact for profiles that are linear between the radii."""
    low, high = radius[:-1], radius[1:]
    weight = np.zeros(len(radius))
    weight[:-1] += (high - low) * (2 * low + high) / 6
    weight[1:] += (high - low) * (low + 2 * high) / 6
    return np.asarray(2 * np.pi * (profile @ weight))


def radial_kernels(profile: np.ndarray, radius: np.ndarray, energy: np.ndarray, half: int, pixel_size: float, detail: float) -> np.ndarray:
    """Kernels of round spots, fading to 0 at the edge of the kernel. What falls beyond is spread over it, so that no energy is lost.

    Args:
        profile: (D, R) >= 0, energy per µm² at these radii, linear in between.
        radius: (R,) µm, from 0 to the kernel's edge or farther.
        energy: (D,) sums of the kernels: integrals of the profiles over the whole plane.
        half: pixels on each side of the central one.
        pixel_size: µm.
        detail: finest FWHM in the profile (µm); each pixel is looked at in steps of a third of it or less.

    Returns:
        (D, 2 half + 1, 2 half + 1).
    """
    edge = (half + 0.5) * pixel_size
    window = np.clip((edge - radius) / (RIM * edge), 0, 1)
    weights = _pixel_weights(radius, half, pixel_size, 2 * int(np.ceil(1.5 * pixel_size / detail - 0.5)) + 1)
    mirror = np.abs(np.arange(-half, half + 1))
    times = np.bincount(mirror)  # how often each row of the quarter stands in the kernel
    quarter = (weights @ np.vstack([profile * window, window]).T).T.reshape(-1, half + 1, half + 1)
    inside = np.einsum("dyx,y,x->d", quarter, times, times)
    quarter, flat, inside = quarter[:-1], quarter[-1] / inside[-1], inside[:-1]
    quarter += np.maximum(energy - inside, 0)[:, None, None] * flat
    quarter *= (energy / np.maximum(np.maximum(inside, energy), 1e-300))[:, None, None]
    return np.asarray(quarter[:, mirror[:, None], mirror])


def _pixel_weights(radius: np.ndarray, half: int, pixel_size: float, fine: int) -> sparse.csr_array:
    """((half + 1)², R): turns a radial profile into the pixels of a kernel's lower right quarter; `fine`² looks at each."""
    line = np.abs((np.arange((half + 1) * fine) + 0.5) / fine - 0.5) * pixel_size  # from the left edge of the central pixel
    r = np.hypot(line[:, None], line).ravel()
    pixel = np.arange((half + 1) * fine) // fine
    pixel = (pixel[:, None] * (half + 1) + pixel).ravel()
    within = r <= radius[-1]
    r, pixel = r[within], pixel[within]
    lower = np.clip(np.searchsorted(radius, r, side="right") - 1, 0, len(radius) - 2)
    share = (r - radius[lower]) / (radius[lower + 1] - radius[lower])
    entries = np.concatenate([1 - share, share]), (np.tile(pixel, 2), np.concatenate([lower, lower + 1]))
    return sparse.coo_array(entries, shape=((half + 1) ** 2, len(radius))).tocsr() * (pixel_size / fine) ** 2
