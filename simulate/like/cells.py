"""What is measured of single cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

BRIGHTEST = 90.0  # percentile of a footprint's core that stands for its brightest pixel, noise apart


@dataclass(frozen=True)
class Cells:
    """What is measured of each of the K cells.

    Args:
        peak: of the trace above rest, in the mean over the core. rest, ground: light there. bright: peak where it is brightest.
        noise: of a pixel of the core. leaves: noise that white noise of the pixels leaves in the trace. diameter: px.
    """

    peak: np.ndarray
    rest: np.ndarray
    ground: np.ndarray
    bright: np.ndarray
    noise: np.ndarray
    leaves: np.ndarray
    diameter: np.ndarray


def look_at(footprints: sparse.csc_array, peak: np.ndarray, rest: np.ndarray, ground: np.ndarray, std: np.ndarray) -> Cells:
    """Measure each cell; `peak` (K,) of its trace, images (Y, X)."""
    table = []
    for k in range(footprints.shape[1]):
        part = slice(footprints.indptr[k], footprints.indptr[k + 1])
        pixels, values = footprints.indices[part], footprints.data[part]
        core, diameter = _core(pixels, values, rest.shape[1])
        light, dark = (float(image.ravel()[pixels[core]].mean()) for image in (rest, ground))
        noise = std.ravel()[pixels]
        table.append(
            (
                max(peak[k], 1e-30) * values[core].mean(),
                light,
                dark,
                peak[k] * np.percentile(values[core], BRIGHTEST),
                noise[core].mean(),
                1 / np.sqrt(((values / noise) ** 2).sum()),
                diameter,
            )
        )
    return Cells(*(np.array(column) for column in zip(*table, strict=True)))


def _core(pixels: np.ndarray, values: np.ndarray, columns: int) -> tuple[np.ndarray, float]:
    """Where a footprint, averaged over 3 x 3 px, is above half of its maximum; and the diameter (px) of a disc as large, holes filled."""
    row, column = np.divmod(pixels, columns)
    row, column = row - row.min() + 1, column - column.min() + 1
    image = np.zeros((row.max() + 2, column.max() + 2))
    image[row, column] = values
    image = ndimage.uniform_filter(image, 3, mode="constant")
    core = image >= 0.5 * image[row, column].max()
    area = ndimage.binary_fill_holes(core).sum()
    inside = core[row, column]
    return inside, float(2 * np.sqrt(area / np.pi))


def middle(values: np.ndarray, weights: np.ndarray) -> float:
    """Weighted median."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])


def spacing(centers: np.ndarray) -> float:
    """Distance to the nearest neighbour (px), 5th percentile; endless for a single cell."""
    if len(centers) < 2:
        return float("inf")
    return float(np.percentile(cKDTree(centers).query(centers, 2)[0][:, 1], 5))
