"""The camera's noise from the mean and the noise level of every pixel: var = read_noise² + gain · (mean - offset)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 24  # of pixels, by their mean
FEWEST = 20  # pixels in a bin
ROUNDS = 30
CHANGE = 0.2  # least change of the variance over the field, relative, from which a gain can be told
ROUNDING = 1 / 12  # variance that rounding to whole counts adds


@dataclass(frozen=True)
class Noise:
    """What adds noise to light.

    Args:
        gain: variance per mean (counts per photon, if every photon counts the same); None where the variance does not grow with the mean.
        offset: counts in the dark.
        read_noise: standard deviation in the dark (counts).
    """

    gain: float | None
    offset: float
    read_noise: float


def fit_noise(mean: np.ndarray, std: np.ndarray, whole: bool, offset: float | None = None) -> Noise:
    """A line through variance over mean.

    Pixels are sorted into bins of equal number by their mean; the medians of the bins are fitted by least squares of relative
    errors, outliers weighing less (Huber). The line alone cannot tell offset from read noise: unless the offset is given, the
    read noise is taken to be as small as can be with an offset that is neither negative nor above the darkest pixels.

    Args:
        mean: (P,) counts. std: (P,) noise level (counts). whole: counts are rounded, which adds noise that is not the camera's.
        offset: if known.
    """
    order = np.argsort(mean)
    groups = np.array_split(order, int(np.clip(len(order) // FEWEST, 1, BINS)))
    level = np.array([np.median(mean[group]) for group in groups])
    variance = np.array([np.median(std[group] ** 2) for group in groups])
    variance = np.maximum(variance - ROUNDING * whole, 1e-3 * variance + 1e-30)
    dark, slope = _line(level, variance)
    floor = float(np.percentile(mean, 0.1))  # it is not darker than dark
    if not slope * np.ptp(level) > CHANGE * np.median(variance):
        return Noise(None, min(floor, 0.0) if offset is None else offset, float(np.sqrt(np.median(variance))))
    if offset is None:
        offset = min(max(0.0, -dark / slope), floor)
    return Noise(slope, float(offset), float(np.sqrt(max(dark + slope * offset, 0.0))))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Intercept and slope that make errors relative to y small; (y, 0) for a single point."""
    if len(x) < 3:
        return float(np.median(y)), 0.0
    columns = np.stack([np.ones_like(x), x], axis=1) / y[:, None]
    weight = np.ones_like(x)
    for _ in range(ROUNDS):
        line = np.linalg.lstsq(columns * weight[:, None], weight, rcond=None)[0]
        error = np.abs(columns @ line - 1)
        spread = max(1.5 * 1.4826 * float(np.median(error)), 1e-9)
        weight = np.sqrt(1 / np.maximum(error / spread, 1))
    return float(line[0]), float(line[1])
