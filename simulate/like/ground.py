"""The light between the cells, and what it would be where cells are."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse

PRIOR = 0.5  # standard deviation of the power, before anything is seen
COVERED = 0.2  # share of a footprint's maximum above which a pixel is the cell's


def covered(footprints: sparse.csc_array, size: tuple[int, int], around: int = 1) -> np.ndarray:
    """(Y, X) True where a cell is, and `around` px from it; footprints have maximum 1."""
    inside = np.zeros(size, bool)
    inside.flat[footprints.indices[footprints.data >= COVERED]] = True
    return np.asarray(ndimage.binary_dilation(inside, iterations=around) if around else inside)


def without(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """(Y, X) the image with its hidden pixels filled from those around.

    Coarse structure is a mean of what is not hidden, with Gaussian weights. Fine structure, which is what differs from that, is
    mirrored in the nearest pixel that is not hidden. This keeps the texture and leaves no seam. Of fine structure less is shown the
    more is hidden, and none from a half on, where what is left to mirror is scraps.
    """
    if not hidden.any():
        return image.copy()
    if hidden.all():
        return np.full_like(image, np.percentile(image, 10))
    distance, nearest = ndimage.distance_transform_edt(hidden, return_indices=True)
    width = max(2.0, float(distance.max()) / 2)
    shown = np.where(hidden, 0.0, image)
    coarse = ndimage.gaussian_filter(shown, width) / np.maximum(ndimage.gaussian_filter((~hidden).astype(float), width), 1e-12)
    edge = np.array(image.shape).reshape(2, 1, 1) - 1
    mirror = np.clip(2 * nearest - np.indices(image.shape), 0, edge)
    source = tuple(np.where(hidden[tuple(mirror)], nearest, mirror))
    return np.asarray(np.where(hidden, coarse + max(0.0, 1 - 2 * float(hidden.mean())) * (image - coarse)[source], image))


def follows(light: np.ndarray, places: np.ndarray) -> float:
    """The power p of the light with which the density of cells goes: density ∝ lightᵖ, the likeliest of 0, 0.1, ... 2.

    It is taken beforehand to be 0 ± 0.5, so that it is 0 where light is much the same everywhere, and nothing can be told.

    Args:
        light: (Y, X) >= 0. places: (K, 2) of the cells, px.
    """
    if not light.mean() > 0:
        return 0.0
    light = np.maximum(light / light.mean(), 1e-3)
    row, column = (np.clip(np.rint(places[:, axis]).astype(int), 0, light.shape[axis] - 1) for axis in (0, 1))
    at = float(np.log(light[row, column]).mean())
    powers = np.round(np.arange(0, 2.01, 0.1), 1)
    return float(max(powers, key=lambda p: len(places) * (p * at - np.log((light**p).mean())) - (p / PRIOR) ** 2 / 2))
