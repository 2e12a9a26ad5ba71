"""Dense tiles of a sparse pattern: long rows over time multiplied where the pattern wants it, at the speed of dense products.

Bases and cells that meet are few among all pairs, but neighbours in space have neighbouring partners. Rows of the pattern are
therefore taken a few dozen at a time together with all their partners: several times the multiplications that are needed, each of
them much faster than a sparse one, and no more of them per row in a larger field.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee
from torch import Tensor

ROWS, FEW_FRAMES = 64, 1024  # of the pattern in a tile; more of them where there are fewer frames
FRAMES = 4096  # converted to another precision at a time


@dataclass(frozen=True)
class Tile:
    """Rows of the pattern, all their columns (n,), and where the entries lie.

    Args:
        rows: a slice, or (m,) indices.
        entries: which entries of the pattern: a slice, or indices. place: theirs in the flat dense tile (m, n).
    """

    rows: slice | Tensor
    columns: Tensor
    entries: slice | Tensor
    place: Tensor
    shape: tuple[int, int]


@dataclass(frozen=True)
class Tiles:
    """The pattern of a sparse (M, N) matrix; its entries count row by row.

    Args:
        shape: (M, N). count: number of entries.
    """

    shape: tuple[int, int]
    count: int
    tiles: tuple[Tile, ...]

    @classmethod
    def of(cls, pattern: sparse.csr_array, device: torch.device | str = "cpu", frames: int = FEW_FRAMES) -> Tiles:
        """From the stored entries of a matrix, whatever their values; neighbouring rows should have neighbouring columns.

        Args:
            frames: of the rows that will be multiplied; the fewer, the larger the tiles.
        """
        tiles, rows = [], ROWS * max(1, FEW_FRAMES // max(frames, 1))
        for start in range(0, pattern.shape[0], rows):
            stop = min(start + rows, pattern.shape[0])
            entries = slice(int(pattern.indptr[start]), int(pattern.indptr[stop]))
            if entries.start < entries.stop:
                indices, length = pattern.indices[entries], np.diff(pattern.indptr[start : stop + 1])
                tiles.append(_tile(slice(start, stop), entries, indices, length, device))
        return cls((int(pattern.shape[0]), int(pattern.shape[1])), int(pattern.indptr[-1]), tuple(tiles))

    @classmethod
    def of_graph(cls, graph: sparse.csr_array, device: torch.device | str = "cpu") -> Tiles:
        """From a symmetric pattern whose rows are in any order: neighbours in the graph come into one tile."""
        if graph.shape[0] <= 2 * ROWS:
            return cls.of(graph, device)
        order = reverse_cuthill_mckee(sparse.csr_array(graph), symmetric_mode=True).astype(np.int64)
        tiles = []
        for rows in np.split(order, range(ROWS, len(order), ROWS)):
            length = np.diff(graph.indptr)[rows]
            entries = np.repeat(graph.indptr[rows] - np.cumsum(length) + length, length) + np.arange(length.sum())
            if len(entries):
                at = torch.from_numpy(rows).to(device), torch.from_numpy(entries.astype(np.int64)).to(device)
                tiles.append(_tile(*at, graph.indices[entries], length, device))
        return cls((int(graph.shape[0]), int(graph.shape[1])), int(graph.indptr[-1]), tuple(tiles))

    def sample(self, X: Tensor, Y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """(count,) entries of X Yᵀ at the pattern, for X (M, T) and Y (N, T); summed up in `dtype`."""
        found = torch.zeros(self.count, dtype=dtype, device=X.device)
        step = X.shape[1] if dtype == X.dtype else FRAMES
        for tile in self.tiles:
            for first in range(0, X.shape[1], max(step, 1)):
                frames = slice(first, first + step)
                block = _take(X[:, frames], tile.rows).to(dtype) @ Y[:, frames].index_select(0, tile.columns).to(dtype).T
                found[tile.entries] += block.flatten()[tile.place]
        return found

    def multiply(self, values: Tensor, X: Tensor) -> Tensor:
        """(N, T) transposed matrix times X (M, T), for the values (count,) of its entries."""
        out = torch.zeros((self.shape[1], X.shape[1]), dtype=X.dtype, device=X.device)
        for tile in self.tiles:
            block = values.new_zeros(tile.shape[0] * tile.shape[1])
            block[tile.place] = values[tile.entries]
            out.index_add_(0, tile.columns, block.view(tile.shape).T @ _take(X, tile.rows))
        return out


def _tile(rows: slice | Tensor, entries: slice | Tensor, indices: np.ndarray, length: np.ndarray, device: torch.device | str) -> Tile:
    """One tile from the column of each entry and the number of entries of each row."""
    columns, seat = np.unique(indices, return_inverse=True)
    place = np.repeat(np.arange(len(length)), length) * len(columns) + seat
    on = (torch.from_numpy(columns.astype(np.int64)).to(device), torch.from_numpy(place).to(device))
    return Tile(rows, on[0], entries, on[1], (len(length), len(columns)))


def _take(X: Tensor, rows: slice | Tensor) -> Tensor:
    return X[rows] if isinstance(rows, slice) else X.index_select(0, rows)
