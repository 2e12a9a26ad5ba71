"""The diameter of a cell, estimated from the brightest moment of each bright place."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import maximum_filter

from detectnmf.compressed import Compressed
from detectnmf.runtime import Runtime

PLACES = 150
SMALLEST, LARGEST = 3.0, 48.0  # px
SCALES = 14
TRUNCATE = 3.0  # standard deviations


def estimate_diameter(movie: Compressed, runtime: Runtime) -> float | None:
    """Median over bright places, weighted by brightness, of the scale at which a normalised Laplacian of Gaussian answers most.

    A disc of diameter d answers most at sigma = d / (2 sqrt 2) (Lindeberg 1998). Each place counts once, at its brightest frame, so
    that one busy cell does not decide. Sizes are measured in units of noise, where the middle of a soma does not outshine its rim, and
    weighted by brightness in the recording's units: where noise grows with the signal, dendrites stand as far above theirs as somata do.

    Returns:
        Diameter in px, or None where nothing stands out.
    """
    height, when = _brightest(movie, runtime)
    places = np.argwhere((height == maximum_filter(height, 7)) & (height > 0))
    places = places[np.argsort(-height[tuple(places.T)], kind="stable")][:PLACES]
    largest = max(SMALLEST + 1, min(LARGEST, min(movie.size) / 2))
    diameters = np.geomspace(SMALLEST, largest, SCALES)
    answers = _answers(movie, places, when, diameters)
    sizes, weights = [], []
    for place, answer in zip(places, answers, strict=True):
        size = _best(diameters, answer)
        if size is not None:
            sizes.append(size)
            weights.append(height[tuple(place)] * movie.std[tuple(place)])
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


def _answers(movie: Compressed, places: np.ndarray, when: np.ndarray, diameters: np.ndarray) -> np.ndarray:
    """(n, D) highest answer of the normalised Laplacian of each scale near each place (n, 2) in its frame."""
    sigmas = diameters / (2 * np.sqrt(2))
    near = np.maximum(1, np.round(diameters / 2).astype(int))
    reach = int(TRUNCATE * sigmas[-1]) + int(near[-1])
    crops = np.empty((len(places), 2 * reach + 1, 2 * reach + 1), np.float32)
    for crop, (row, column) in zip(crops, places, strict=True):
        frame = movie.frames(int(when[row, column])).cpu().numpy().reshape(movie.size)
        crop[:] = np.pad(frame, reach, mode="symmetric")[row : row + 2 * reach + 1, column : column + 2 * reach + 1]
    answers = np.empty((len(places), len(diameters)))
    for scale, (sigma, around) in enumerate(zip(sigmas, near, strict=True)):
        used = int(TRUNCATE * sigma) + int(around)
        part = crops[:, reach - used : reach + used + 1, reach - used : reach + used + 1]
        offset = np.arange(-used, used + 1) - np.arange(-around, around + 1)[:, None]
        smooth = np.where(abs(offset) <= TRUNCATE * sigma, np.exp(-(offset**2) / (2 * sigma**2)), 0).astype(np.float32)
        smooth /= smooth.sum(1, keepdims=True)
        bend = smooth * (1 - offset**2 / sigma**2).astype(np.float32)  # -sigma² times the second derivative
        bend -= smooth * bend.sum(1, keepdims=True)
        images, G, L = (torch.from_numpy(np.ascontiguousarray(m)) for m in (part, smooth, bend))
        answers[:, scale] = (G @ (images @ L.T) + L @ (images @ G.T)).amax((1, 2)).numpy()
    return answers


def _best(diameters: np.ndarray, answers: np.ndarray) -> float | None:
    """The diameter that answers most; None where the answer only grows towards an end of the range."""
    best = int(np.argmax(answers))
    if best in (0, len(answers) - 1):
        return None
    # A parabola through the three best answers, on the logarithmic scale of diameters.
    low, middle, high = answers[best - 1 : best + 2]
    shift = 0.5 * (low - high) / (low - 2 * middle + high)
    return float(diameters[best] * (diameters[1] / diameters[0]) ** shift)
