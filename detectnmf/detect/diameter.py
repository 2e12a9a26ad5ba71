"""The diameter of a cell, estimated from the brightest moment of each bright place."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_laplace, maximum_filter

from detectnmf.compressed import Compressed
from detectnmf.runtime import Runtime

PLACES = 150
SMALLEST, LARGEST = 3.0, 48.0  # px
SCALES = 14


def estimate_diameter(movie: Compressed, runtime: Runtime) -> float | None:
    """Median over bright places, weighted by brightness, of the scale at which a normalised Laplacian of Gaussian answers most.

    A disc of diameter d answers most at sigma = d / (2 sqrt 2) (Lindeberg 1998). Each place counts once, at its brightest frame, so
    that one busy cell does not decide.

    Returns:
        Diameter in px, or None where nothing stands out.
    """
    height, when = _brightest(movie, runtime)
    places = np.argwhere((height == maximum_filter(height, 7)) & (height > 0))
    places = places[np.argsort(-height[tuple(places.T)], kind="stable")][:PLACES]
    largest = max(SMALLEST + 1, min(LARGEST, min(movie.size) / 2))
    diameters = np.geomspace(SMALLEST, largest, SCALES)
    sizes, weights = [], []
    for row, column in places:
        frame = movie.frames(int(when[row, column])).cpu().numpy().reshape(movie.size)
        size = _scale(frame, row, column, diameters)
        if size is not None:
            sizes.append(size)
            weights.append(height[row, column])
    if len(sizes) < 3:
        return None
    order = np.argsort(sizes)
    share = np.cumsum(np.array(weights)[order])
    return float(np.array(sizes)[order][np.searchsorted(share, share[-1] / 2)])


def _brightest(movie: Compressed, runtime: Runtime) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel's highest value over time (units of noise) and its frame, both (Y, X)."""
    pixels = movie.size[0] * movie.size[1]
    height = torch.zeros(pixels, device=movie.device)
    when = torch.zeros(pixels, dtype=torch.int64, device=movie.device)
    step = runtime.batch(pixels * 4 * 4, most=500)
    for start in range(0, len(movie), step):
        values, at = movie.frames(slice(start, start + step)).max(1)
        higher = values > height
        height = torch.where(higher, values, height)
        when = torch.where(higher, at + start, when)
    return height.cpu().numpy().reshape(movie.size), when.cpu().numpy().reshape(movie.size)


def _scale(frame: np.ndarray, row: int, column: int, diameters: np.ndarray) -> float | None:
    """The best diameter around one pixel; None where the answer only grows towards an end of the range."""
    reach = int(1.2 * diameters[-1])
    near = frame[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    at = (row - max(0, row - reach), column - max(0, column - reach))
    answers = []
    for diameter in diameters:
        sigma = diameter / (2 * np.sqrt(2))
        around = max(1, round(diameter / 2))
        answer = -(sigma**2) * gaussian_laplace(near, sigma, truncate=3)
        answers.append(answer[max(0, at[0] - around) : at[0] + around + 1, max(0, at[1] - around) : at[1] + around + 1].max())
    best = int(np.argmax(answers))
    if best in (0, len(answers) - 1):
        return None
    # A parabola through the three best answers, on the logarithmic scale of diameters.
    low, middle, high = answers[best - 1 : best + 2]
    shift = 0.5 * (low - high) / (low - 2 * middle + high)
    return float(diameters[best] * (diameters[1] / diameters[0]) ** shift)
