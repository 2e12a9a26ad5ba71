"""How wide and how deep a PSF is, measured on its kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detectnmf.simulate.psf.base import PSF

AT_ONCE = 8  # depths; kernels may be large


@dataclass(frozen=True)
class Profile:
    """A PSF cut through the source's column.

    Args:
        depth: (D,) µm, even steps.
        section: (D, w) light per µm² along x through the source, relative to the brightest.
        peak: (D,) brightest pixel at each depth. energy: (D,) sum of each kernel. Both relative to their best.
        lateral: FWHM (µm) along x in focus, of the brightest spot; what a pixel adds to it is in it.
        axial: FWHM (µm) of the peak over depth. thickness: of the energy. Infinite where less than half is never reached.
    """

    depth: np.ndarray
    section: np.ndarray
    peak: np.ndarray
    energy: np.ndarray
    lateral: float
    axial: float
    thickness: float


def profile(psf: PSF, reach: float, wide: float, step: float = 0.5) -> Profile:
    """Measure a PSF over depths within `reach` and distances within `wide` of the source (µm)."""
    n = int(np.ceil(reach / step))
    depth = np.arange(-n, n + 1) * step
    rows, peak, energy = [], [], []
    for start in range(0, len(depth), AT_ONCE):
        for kernel in psf(depth[start : start + AT_ONCE]):
            rows.append(window(kernel[kernel.shape[0] // 2][None], 0, wide, psf.pixel_size)[0])
            peak.append(float(kernel.max()))
            energy.append(float(kernel.sum()))
    section = np.stack(rows)
    focus = psf(np.zeros(1))[0]
    brightest = int(focus.max(axis=1).argmax())
    return Profile(
        depth,
        section / max(float(section.max()), 1e-300),
        np.array(peak) / max(*peak, 1e-300),
        np.array(energy) / max(*energy, 1e-300),
        lateral=width(focus[brightest], psf.pixel_size),
        axial=depth_width(lambda z: psf(z).max(axis=(1, 2)), depth, np.array(peak)),
        thickness=depth_width(lambda z: psf(z).sum(axis=(1, 2)), depth, np.array(energy)),
    )


def window(kernel: np.ndarray, high: float, wide: float, pixel_size: float) -> np.ndarray:
    """The part of a kernel within `high` and `wide` µm of its middle, zeros where the kernel ends."""
    halves = [round(reach / pixel_size) for reach in (high, wide)]
    edges = [max(half - edge // 2, 0) for half, edge in zip(halves, kernel.shape, strict=True)]
    padded = np.pad(kernel, [(edge, edge) for edge in edges])
    y, x = (edge // 2 for edge in padded.shape)
    return padded[y - halves[0] : y + halves[0] + 1, x - halves[1] : x + halves[1] + 1]


def width(values: np.ndarray, step: float) -> float:
    """Full width at half maximum of the highest peak, linear between samples `step` apart; values count as 0 beyond the ends."""
    line = np.concatenate([[0.0], np.asarray(values, float), [0.0]])
    if not line.max() > 0:
        return 0.0
    half, top = line.max() / 2, int(line.argmax())
    left = int(np.flatnonzero(line[:top] < half)[-1])
    right = top + 1 + int(np.flatnonzero(line[top + 1 :] < half)[0])
    start = left + (half - line[left]) / (line[left + 1] - line[left])
    end = right - (half - line[right]) / (line[right - 1] - line[right])
    return float((end - start) * step)


def depth_width(light: Callable[[np.ndarray], np.ndarray], depth: np.ndarray, coarse: np.ndarray) -> float:
    """Full width at half maximum (µm) of light over depth, about its best; `coarse` is light(depth), looked at again where it counts."""
    top = int(coarse.argmax())
    step = depth[1] - depth[0]
    best = float(light(depth[top] + np.linspace(-step, step, 17)).max())
    ends = []
    for side in (-1, 1):
        beyond = np.flatnonzero(coarse[top::side] < best / 2)
        if not len(beyond):
            return float("inf")
        far = top + side * int(beyond[0])
        fine = np.linspace(depth[far - side], depth[far], 17)
        values = light(fine)
        ends.append(float(np.interp(best / 2, values[::-1], fine[::-1])) if values[0] > values[-1] else float(fine[-1]))
    return ends[1] - ends[0]
