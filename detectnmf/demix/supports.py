"""Supports by residual correlation (maskNMF, appendix E and F): which pixels belong to which cell.

The correlation of a cell's trace with the movie from which all other cells were subtracted, at a pixel p:

    corr_p = (R_p·c + a_p ‖c‖²) / (‖c‖ · sqrt(‖R_p‖² + 2 a_p R_p·c + a_p² ‖c‖² + floor² T)),   R = U V − A C, centred

A denoised movie holds almost no noise, so that a cell's faintest halo correlates with it nearly perfectly; `floor` is the
noise that is left in each pixel and frame, and keeps such pixels out.

Where all of a tissue is active at once, everything correlates with everything: what counts is how far a pixel is above the pixels around
the cell. Without that, cells of a densely active recording grow until they are background. There a cell also reaches half as far:
what lies farther off and responds alike is a neighbour, while a cell in dark surroundings may own a dendrite there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from detectnmf.demix.grams import Target, centred
from detectnmf.demix.pattern import Pattern

CANVAS = 2**24  # pixels on which supports grow at a time
AROUND, BEYOND = 16, (1.0, 1.25, 1.5)  # pixels on each of these circles around a cell, radii over its extent
ENOUGH = 12  # of these pixels tell what is usual there
ALONE, ALIKE = 0.05, 0.12  # usual correlation around a cell up to which it reaches as far as it may, and from which half as far


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
    filled = np.flatnonzero(np.diff(supports.indptr))
    first = supports.indptr[:-1][filled]
    box = np.zeros((4, supports.shape[1]), np.int64)  # top, left, height and width of each cell's box with a margin
    if len(filled):
        box[0, filled], box[1, filled] = np.minimum.reduceat(rows, first) - radius, np.minimum.reduceat(columns, first) - radius
        box[2, filled] = np.maximum.reduceat(rows, first) + radius + 1 - box[0, filled]
        box[3, filled] = np.maximum.reduceat(columns, first) + radius + 1 - box[1, filled]
    ends = np.cumsum(box[2] * box[3])
    held, found = np.searchsorted(ends, np.arange(0, ends.max(initial=0), CANVAS), side="right"), []
    for low, high in pairwise([*np.unique(held).tolist(), len(ends)]):  # some cells at a time on a canvas of their boxes
        start = np.concatenate([[0], ends])[low]
        mine = slice(supports.indptr[low], supports.indptr[high])
        top, left, _, width = box[:, cells[mine]]
        seat = (np.concatenate([[0], ends])[cells[mine]] - start) + (rows[mine] - top) * width + columns[mine] - left
        canvas = np.zeros(ends[high - 1] - start, bool)
        for dy, dx in disc(radius):
            canvas[seat + dy * width + dx] = True
        on = np.flatnonzero(canvas)
        cell = np.searchsorted(ends[low:high] - start, on, side="right") + low
        y, x = np.divmod(on + start - np.concatenate([[0], ends])[cell], box[3, cell])
        y, x = y + box[0, cell], x + box[1, cell]
        inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
        found.append(((y * size[1] + x)[inside], cell[inside]))
    indices, owner = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (zip(*found, strict=True) if found else ((), ())))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=supports.shape[1]))])
    return sparse.csc_array((np.ones(len(indices), np.float32), indices, indptr), shape=supports.shape)


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
    products = pattern.neighbours.sample(C, C)
    wanted = pattern.at_entries(target.V, C)
    a, left = values.double().cpu().numpy(), (wanted - pattern.crowd(values, products)).double().cpu().numpy()  # left: R·c + a ‖c‖²
    power = pattern.powers(products).double().cpu().numpy()
    residual = np.bincount(pattern.pixels, a * (a * power - left - wanted.double().cpu().numpy()), len(target.energies))
    residual = np.maximum(target.energies + residual, 0)[pattern.pixels]
    with_cell = residual + 2 * a * left - a**2 * power + floor**2 * target.frames
    return left / np.sqrt(np.maximum(power * with_cell, 1e-30))


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
    keep: float,
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
        extent: farthest pixel from the footprint's peak (px) that is added; half of it where the surroundings respond alike, and there
            pixels farther off go.
        floor: noise left in the denoised movie (units of noise).
        keep: the fraction at which a pixel of the present support stays.
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
    peaks = _peaks(core, size)
    grown = dilate(core, size, reach)
    pattern = Pattern.of(grown + surround(core, peaks, size, extent), target.U)
    within = pattern.values(grown).cpu().numpy() > 0
    where = np.stack(np.divmod(pattern.pixels, size[1]), axis=1)
    values = pattern.values(footprints)
    found = residual_correlation(target, pattern, values, C, floor)
    outside = ~within & usable[pattern.pixels]
    level = usual(found[outside], pattern.cells[outside], count)
    limit = extent * (1 - 0.5 * np.clip((level - ALONE) / (ALIKE - ALONE), 0, 1))
    close = np.hypot(*(where - peaks[pattern.cells]).T) <= limit[pattern.cells]
    here = (values.cpu().numpy() > trim * top[pattern.cells]) & (close | (level <= ALONE)[pattern.cells])
    allowed = within & usable[pattern.pixels] & (here | close)
    correlation = np.where(allowed, found, 0)
    peak = np.zeros(count)
    np.maximum.at(peak, pattern.cells, correlation)
    level = level[pattern.cells]
    least = level + np.where(here, min(keep, factor), factor) * (peak[pattern.cells] - level)
    kept = np.flatnonzero((correlation >= least) & (correlation > 0))
    pixels, cells, a = pattern.pixels[kept], pattern.cells[kept], values.cpu().numpy()[kept]
    whole = held(pixels, cells, here[kept], size)
    return Supports(sparse.csc_array((a[whole], (pixels[whole], cells[whole])), shape=footprints.shape), peak)


def surround(supports: sparse.csc_array, peaks: np.ndarray, size: tuple[int, int], extent: float) -> sparse.csc_array:
    """(P, K) of ones at some pixels around each cell's peak (K, 2), beyond the extent of a cell."""
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    offsets = np.concatenate([np.stack([np.sin(angle), np.cos(angle)], axis=1) * extent * far for far in BEYOND])
    filled = np.flatnonzero(np.diff(supports.indptr))
    y, x = np.moveaxis(np.rint(peaks[filled][:, None] + offsets).astype(np.int64), 2, 0)
    inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
    cells = np.broadcast_to(filled[:, None], y.shape)[inside]
    ring = sparse.coo_array((np.ones(len(cells), np.float32), ((y * size[1] + x)[inside], cells)), shape=supports.shape).tocsc()
    ring.data[:] = 1
    return ring


def usual(correlation: np.ndarray, cells: np.ndarray, count: int) -> np.ndarray:
    """(K,) median of the correlations (n,) of each cell, at least 0; 0 where there are too few."""
    found = np.zeros(count)
    order = np.lexsort((correlation, cells))
    first = np.searchsorted(cells[order], np.arange(count + 1))
    number = np.diff(first)
    many = number >= ENOUGH
    found[many] = correlation[order][(first[:-1] + number // 2)[many]]
    return np.maximum(found, 0)


def held(pixels: np.ndarray, cells: np.ndarray, present: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n,) True for entries whose connected piece holds some of their cell's present support: a dendrite may pass under others."""
    piece = islands(pixels, cells, size)
    return (np.bincount(piece, present) > 0)[piece] if len(piece) else np.zeros(0, bool)


def _peaks(footprints: sparse.csc_array, size: tuple[int, int]) -> np.ndarray:
    """(K, 2) row and column of each footprint's maximum."""
    pixels, cells = entries(footprints)
    best = np.zeros(footprints.shape[1], np.int64)
    order = np.lexsort((footprints.data, cells))
    best[cells[order]] = pixels[order]  # the last entry written for a cell is its largest
    return np.stack(np.divmod(best, size[1]), axis=1)


def middles(footprints: sparse.csc_array, size: tuple[int, int]) -> np.ndarray:
    """(K, 2) row and column of each footprint's centre of energy: it stays where the cell is, whichever pixel is the brightest."""
    pixels, cells = entries(footprints)
    energy = footprints.data.astype(np.float64) ** 2
    total = np.maximum(np.bincount(cells, energy, footprints.shape[1]), 1e-30)
    return np.stack([np.bincount(cells, energy * at, footprints.shape[1]) / total for at in np.divmod(pixels, size[1])], axis=1)
