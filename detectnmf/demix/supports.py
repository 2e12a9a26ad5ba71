"""Supports by residual correlation (maskNMF, appendix E and F): which pixels belong to which cell.

The correlation of a cell's trace with the movie from which all other cells were subtracted, at a pixel p:

    corr_p = (R_p·c + a_p ‖c‖²) / (‖c‖ · sqrt(‖R_p‖² + 2 a_p R_p·c + a_p² ‖c‖² + floor² T)),   R = U V − A C, centred

A denoised movie holds almost no noise, so that a cell's faintest halo correlates with it nearly perfectly; `floor` is the
noise that is left in each pixel and frame, and keeps such pixels out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from detectnmf.demix.grams import Target, centred
from detectnmf.demix.pattern import Pattern


@dataclass(frozen=True)
class Supports:
    """Updated footprints (their pattern is the support, new pixels are explicit zeros) and what was measured on the way.

    Args:
        footprints: (P, K).
        peak: (K,) highest residual correlation of each cell; 0 for an empty one.
    """

    footprints: sparse.csc_array
    peak: np.ndarray


def entries(matrix: sparse.csc_array) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and cells of all stored entries, cell by cell."""
    return matrix.indices.astype(np.int64), np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))


def disc(radius: int) -> np.ndarray:
    """(n, 2) offsets within a radius in px."""
    grid = np.stack(np.meshgrid(*[np.arange(-radius, radius + 1)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid[(grid**2).sum(axis=1) <= radius**2 + radius / 2]  # a little more than the disc: rounder at small radii


def dilate(supports: sparse.csc_array, size: tuple[int, int], radius: int) -> sparse.csc_array:
    """Each support grown by a disc; (P, K) of ones."""
    pixels, cells = entries(supports)
    rows, columns = np.divmod(pixels, size[1])
    grown = sparse.csc_array(supports.shape, dtype=np.float32)
    for dy, dx in disc(radius):
        y, x = rows + dy, columns + dx
        inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
        shifted = (np.ones(int(inside.sum()), np.float32), (y[inside] * size[1] + x[inside], cells[inside]))
        grown = grown + sparse.csc_array(shifted, shape=supports.shape)
    grown = sparse.csc_array(grown)
    grown.data[:] = 1
    return grown


def islands(pixels: np.ndarray, cells: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n,) label of the 8-connected piece of its own cell to which each entry belongs."""
    wide = size[1] + 2  # a margin, so that a step beyond the right edge meets no pixel of the next row
    rows, columns = np.divmod(pixels, size[1])
    key = (cells * (size[0] + 2) + rows + 1) * wide + columns + 1
    order = np.argsort(key)
    ordered = key[order]
    links = []
    for step in (1, wide - 1, wide, wide + 1):
        at = np.searchsorted(ordered, ordered + step)
        found = at < len(ordered)
        found[found] = ordered[at[found]] == ordered[found] + step
        links.append(np.stack([order[found], order[at[found]]]))
    near, far = np.concatenate(links, axis=1)
    graph = sparse.coo_array((np.ones(len(near), bool), (near, far)), shape=(len(pixels), len(pixels)))
    return connected_components(graph, directed=False)[1]


def residual_correlation(target: Target, pattern: Pattern, values: Tensor, C: Tensor, floor: float) -> np.ndarray:
    """(n,) correlation of each cell with the movie less all other cells, at the entries of the pattern."""
    C = centred(C)
    G = C @ C.T
    wanted = pattern.at_entries(target.V @ C.T)
    crowd = pattern.crowd(values, G)
    a, product = values.double().cpu().numpy(), (wanted - crowd).double().cpu().numpy()
    power = G.diagonal().double().cpu().numpy()[pattern.cells]
    touched, position = np.unique(pattern.pixels, return_inverse=True)
    residual = target.pixel_energy(touched)
    residual += np.bincount(position, a * (crowd - 2 * wanted).double().cpu().numpy(), len(touched))
    with_cell = np.maximum(residual, 0)[position] + 2 * a * product + a**2 * power + floor**2 * target.frames
    return (product + a * power) / np.sqrt(np.maximum(power * with_cell, 1e-30))


def update(
    target: Target,
    footprints: sparse.csc_array,
    C: Tensor,
    size: tuple[int, int],
    usable: np.ndarray,
    factor: float,
    reach: int,
    extent: float,
    floor: float,
    trim: float = 0.02,
) -> Supports:
    """Threshold the residual correlation at `factor` of each cell's own maximum, connectedly around the present support.

    Args:
        target: what is to be explained.
        footprints: (P, K) present footprints.
        C: (K, T) traces.
        size: (Y, X).
        usable: (P,) pixels that carry signal.
        factor: 0..1, fraction of the cell's maximum correlation.
        reach: growth per update (px).
        extent: farthest pixel from the footprint's peak (px).
        floor: noise left in the denoised movie (units of noise).
        trim: pixels below this fraction of the footprint's maximum do not count as its present support.
    """
    pixels, cells = entries(footprints)
    count = footprints.shape[1]
    if not len(pixels):
        return Supports(footprints, np.zeros(count))
    top = np.zeros(count)
    np.maximum.at(top, cells, footprints.data)
    present = footprints.data > trim * top[cells]
    core = sparse.csc_array((footprints.data[present], (pixels[present], cells[present])), shape=footprints.shape)
    pattern = Pattern.of(dilate(core, size, reach), target.U)
    peaks = _peaks(core, size)
    where = np.stack(np.divmod(pattern.pixels, size[1]), axis=1)
    allowed = usable[pattern.pixels] & (np.hypot(*(where - peaks[pattern.cells]).T) <= extent)
    values = pattern.values(footprints)
    correlation = np.where(allowed, residual_correlation(target, pattern, values, C, floor), 0)
    peak = np.zeros(count)
    np.maximum.at(peak, pattern.cells, correlation)
    kept = np.flatnonzero((correlation >= factor * peak[pattern.cells]) & (correlation > 0))
    pixels, cells, a = pattern.pixels[kept], pattern.cells[kept], values.cpu().numpy()[kept]
    piece = islands(pixels, cells, size)
    weight = np.bincount(piece, a.astype(np.float64) ** 2)
    best = np.zeros(count)
    np.maximum.at(best, cells, weight[piece])
    main = (weight[piece] == best[cells]) & (best[cells] > 0)
    return Supports(sparse.csc_array((a[main], (pixels[main], cells[main])), shape=footprints.shape), peak)


def _peaks(footprints: sparse.csc_array, size: tuple[int, int]) -> np.ndarray:
    """(K, 2) row and column of each footprint's maximum."""
    pixels, cells = entries(footprints)
    best = np.zeros(footprints.shape[1], np.int64)
    order = np.lexsort((footprints.data, cells))
    best[cells[order]] = pixels[order]  # the last entry written for a cell is its largest
    return np.stack(np.divmod(best, size[1]), axis=1)
