"""The diameter of a cell, estimated from the brightest events of the sparsened movie."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_laplace

from detectnmf.compressed import Compressed
from detectnmf.runtime import Runtime

EVENTS = 120
SMALLEST = 3.0  # px


def estimate_diameter(movie: Compressed, runtime: Runtime) -> float | None:
    """Median over bright events of the scale at which a normalised Laplacian of Gaussian answers most.

    A disc of diameter d answers most at sigma = d / (2 sqrt 2) (Lindeberg 1998).

    Args:
        movie: a sparsened movie.

    Returns:
        Diameter in px, or None where no event stands out.
    """
    pixels = movie.size[0] * movie.size[1]
    largest = max(SMALLEST + 1, min(48.0, min(movie.size) / 2))
    diameters = np.geomspace(SMALLEST, largest, 12)
    step = runtime.batch(pixels * 4 * 4, most=500)
    peak, where = [], []
    for start in range(0, len(movie), step):
        values, at = movie.frames(slice(start, start + step)).max(0)
        peak.append(values.cpu().numpy())
        where.append(at.cpu().numpy())
    height, place = np.concatenate(peak), np.concatenate(where)
    lonely = height > 0
    lonely[1:] &= height[1:] >= height[:-1]
    lonely[:-1] &= height[:-1] > height[1:]
    events = np.argsort(-np.where(lonely, height, 0), kind="stable")[:EVENTS]
    events = events[height[events] > 0]
    found = []
    for frame in events:
        row, column = divmod(int(place[frame]), movie.size[1])
        found.append(_scale(movie.frames(int(frame)).cpu().numpy().reshape(movie.size), row, column, diameters))
    sizes = np.array([f for f in found if f is not None])
    return float(np.median(sizes)) if len(sizes) >= 3 else None


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
