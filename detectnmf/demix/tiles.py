"""Dense tiles of a sparse pattern: long rows over time multiplied where the pattern wants it, at the speed of dense products.

Bases and cells that meet are few among all pairs, but neighbours in space have neighbouring partners. Rows of the pattern are
therefore taken a few dozen at a time together with all their partners: several times the multiplications that are needed, each of
them much faster than a sparse one, and no more of them per row in a larger field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee
from torch import Tensor

ROWS, FEW_FRAMES = 64, 1024  # of the pattern in a tile; more of them where there are fewer frames
THIN = 4  # entries of a row, on average, that are too few for tiles
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
        pattern: the matrix; its values do not count.
        order: (M,) in which rows are taken together; None as they are.
        height: rows in a tile.
    """

    pattern: sparse.csr_array
    device: torch.device
    order: np.ndarray | None = None
    height: int = ROWS

    @classmethod
    def of(cls, pattern: sparse.csr_array, device: torch.device | str = "cpu", frames: int = FEW_FRAMES) -> Tiles:
        """From the stored entries of a matrix, whatever their values; neighbouring rows should have neighbouring columns.

        Args:
            frames: of the rows that will be multiplied; the fewer, the larger the tiles.
        """
        return cls(sparse.csr_array(pattern), torch.device(device), height=ROWS * max(1, FEW_FRAMES // max(frames, 1)))

    @classmethod
    def of_graph(cls, graph: sparse.csr_array, device: torch.device | str = "cpu") -> Tiles:
        """From a symmetric pattern whose rows are in any order: neighbours in the graph come into one tile."""
        few = graph.shape[0] <= 2 * ROWS
        order = None if few else reverse_cuthill_mckee(sparse.csr_array(graph), symmetric_mode=True).astype(np.int64)
        return cls(sparse.csr_array(graph), torch.device(device), order)

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.pattern.shape[0]), int(self.pattern.shape[1])

    @property
    def count(self) -> int:
        return int(self.pattern.nnz)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        return tuple(self._ordered() if self.order is not None else self._in_a_row())

    def _in_a_row(self) -> Iterator[Tile]:
        pattern = self.pattern
        for start in range(0, pattern.shape[0], self.height):
            stop = min(start + self.height, pattern.shape[0])
            entries = slice(int(pattern.indptr[start]), int(pattern.indptr[stop]))
            if entries.start < entries.stop:
                length = np.diff(pattern.indptr[start : stop + 1])
                yield _tile(slice(start, stop), entries, pattern.indices[entries], length, self.device)

    def _ordered(self) -> Iterator[Tile]:
        pattern, order = self.pattern, self.order
        assert order is not None
        for rows in np.split(order, range(self.height, len(order), self.height)):
            length = np.diff(pattern.indptr)[rows]
            entries = np.repeat(pattern.indptr[rows] - np.cumsum(length) + length, length) + np.arange(length.sum())
            if len(entries):
                at = torch.from_numpy(rows).to(self.device), torch.from_numpy(entries.astype(np.int64)).to(self.device)
                yield _tile(*at, pattern.indices[entries], length, self.device)

    @cached_property
    def thin(self) -> bool:
        """Rows with so few entries that products one entry at a time, which read the long rows once, are faster than dense tiles."""
        return self.device.type == "cpu" and self.count <= THIN * self.shape[0]

    def sample(self, X: Tensor, Y: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """(count,) entries of X Yᵀ at the pattern, for X (M, T) and Y (N, T); summed up in `dtype`."""
        if self.thin and dtype == X.dtype:
            indptr, indices = (torch.from_numpy(x.astype(np.int64)) for x in (self.pattern.indptr, self.pattern.indices))
            where = torch.sparse_csr_tensor(indptr, indices, torch.zeros(self.count), size=self.shape, check_invariants=False)
            return torch.sparse.sampled_addmm(where, X, Y.T, beta=0).values()
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
        if self.thin:
            rows = sparse.csr_array((values.numpy(), self.pattern.indices, self.pattern.indptr), shape=self.shape)
            return torch.from_numpy(rows.T @ X.numpy())
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
