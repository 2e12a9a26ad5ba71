"""The field in tiles, so that what neighbouring cells share is fetched once and the work stays linear in the number of cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

TILE = 48  # px


def tiles(footprints: sparse.csc_array, size: tuple[int, int], most: int | None = None, edge: int = TILE) -> Iterator[np.ndarray]:
    """The cells of each tile of the field, by the middle of their pixels; those with an empty footprint are in none.

    Args:
        footprints: (P, K) without stored zeros. size: (Y, X).
        most: cells at a time; a tile that holds more comes in pieces.
        edge: of a tile (px).
    """
    area = np.diff(footprints.indptr)
    there = np.flatnonzero(area)
    if not len(there):
        return
    owner = np.repeat(np.arange(len(area)), area)
    middle = [np.bincount(owner, at, len(area))[there] / area[there] for at in np.divmod(footprints.indices, size[1])]
    tile = (middle[0] // edge).astype(np.int64) * (size[1] // edge + 1) + (middle[1] // edge).astype(np.int64)
    order = np.argsort(tile, kind="stable")
    for cells in np.split(there[order], np.flatnonzero(np.diff(tile[order])) + 1):
        for start in range(0, len(cells), most or len(cells)):
            yield cells[start : start + (most or len(cells))]
