"""The support pattern of the footprints, arranged for exact batched updates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.demix.colour import colour, groups, overlaps
from detectnmf.demix.tiles import FEW_FRAMES, Tiles
from detectnmf.sparse import SparseMatrix, Structure


@dataclass(frozen=True)
class Pattern:
    """Where A may be above zero: n entries (pixel, cell), those of one colour in a row, those of one cell, too.

    Args:
        supports: (P, K) the pattern, indices in order; its values do not count.
        U: (P, R) the movie's spatial bases.
        pixels: (n,) pixel of each entry. cells: (n,) cell of each entry.
        seat: (n,) place of each entry among those of `supports`.
        frames: of the movie, about; how products with it are best arranged.
        graph: (K, K) cells that share a pixel, and each cell with itself.
        colours: the cells of each colour.
        parts: the entries of each colour.
    """

    supports: sparse.csc_array
    U: SparseMatrix
    pixels: np.ndarray
    cells: np.ndarray
    seat: np.ndarray
    graph: sparse.csr_array
    colours: list[np.ndarray]
    parts: list[slice]
    frames: int = FEW_FRAMES

    @classmethod
    def of(cls, supports: sparse.csc_array, U: SparseMatrix, frames: int = FEW_FRAMES) -> Pattern:
        """From the sparsity pattern of (P, K) supports, explicit zeros included."""
        supports = sparse.csc_array(supports)
        if not supports.has_canonical_format:
            supports = supports.copy()
            supports.sum_duplicates()
        graph = overlaps(supports)
        colours = groups(colour(graph))
        order = np.concatenate([np.zeros(0, np.int64), *colours])
        length = np.diff(supports.indptr).astype(np.int64)
        ends = np.cumsum(length[order])
        seat = np.repeat(supports.indptr[order] - ends + length[order], length[order]) + np.arange(len(supports.indices))
        last = np.concatenate([[0], ends])[np.cumsum([0, *(len(c) for c in colours)])]
        parts = [slice(int(a), int(z)) for a, z in pairwise(last)]
        pixels = supports.indices[seat].astype(np.int64)
        return cls(supports, U, pixels, np.repeat(order, length[order]), seat, graph, colours, parts, frames)

    @property
    def shape(self) -> tuple[int, int]:
        """(P, K)."""
        return int(self.supports.shape[0]), int(self.supports.shape[1])

    @property
    def device(self) -> torch.device:
        return self.U.device

    def values(self, A: sparse.csr_array | sparse.csc_array) -> Tensor:
        """(n,) the entries of a (P, K) matrix at the pattern."""
        A = sparse.csc_array(A)
        if not A.has_sorted_indices:
            A = A.sorted_indices()
        if np.array_equal(A.indptr, self.supports.indptr) and np.array_equal(A.indices, self.supports.indices):
            return torch.from_numpy(A.data[self.seat].astype(np.float32)).to(self.device)
        mine, theirs = self._keys(self.supports), self._keys(A)
        at = np.searchsorted(mine, theirs)
        known = at < len(mine)
        known[known] = mine[at[known]] == theirs[known]
        found = np.zeros(len(mine), np.float32)
        found[at[known]] = A.data[known]
        return torch.from_numpy(found[self.seat]).to(self.device)

    def matrix(self, values: Tensor) -> sparse.csc_array:
        """(P, K) with the values at the pattern; zeros stay as explicit entries."""
        data = np.empty(len(self.seat), np.float32)
        data[self.seat] = values.cpu().numpy()
        return sparse.csc_array((data, self.supports.indices.copy(), self.supports.indptr.copy()), shape=self.shape)

    def footprints(self, values: Tensor) -> Footprints:
        """A (P, K) with the values (n,) at the pattern."""
        return Footprints(self, values)

    @cached_property
    def _reach(self) -> tuple[Tiles, SparseMatrix]:
        """The pairs of a basis and a cell that share a pixel, and (n, pairs) U's values that lead from them to the entries."""
        bases = sparse.csr_array((np.ones(self.U.nnz, np.float32), self.U.csr.indices, self.U.csr.indptr), shape=self.U.shape)
        ones = sparse.csr_array(
            (np.ones(len(self.seat), np.float32), self.supports.indices, self.supports.indptr), shape=self.supports.shape[::-1]
        )
        met = sparse.csr_array(ones @ bases)  # (K, R)
        met = sparse.csr_array((np.arange(met.nnz), met.indices, met.indptr), shape=met.shape)
        pairs = sparse.csr_array(met.T)  # basis by basis, as they lie in V
        met.data[pairs.data] = np.arange(met.nnz)
        rows = self.U.csr[self.pixels]
        columns = lookup(met, self._each_cell, rows.indptr, rows.indices)
        gather = sparse.csr_array((rows.data, columns, rows.indptr), shape=(len(self.pixels), met.nnz))
        return Tiles.of(pairs, self.device, self.frames), SparseMatrix(gather, self.device)

    def at_entries(self, V: Tensor, C: Tensor) -> Tensor:
        """(n,) entries of U V Cᵀ, for V (R, T) and C (K, T)."""
        tiles, gather = self._reach
        return gather @ tiles.sample(V, C)

    @cached_property
    def meeting(self) -> Meeting:
        """Pairs of different entries at one pixel."""
        count = len(self.pixels)
        at = sparse.csr_array((np.ones(count, np.float32), self.pixels, np.arange(count + 1)), shape=(count, self.shape[0]))
        pairs = sparse.csr_array(at @ at.T)
        near, other = np.repeat(np.arange(count), np.diff(pairs.indptr)), pairs.indices
        two = near != other
        indptr = np.concatenate([[0], np.cumsum(np.diff(pairs.indptr) - 1)])
        near, other = near[two], other[two].astype(np.int64)
        numbered = sparse.csr_array((np.arange(self.graph.nnz), self.graph.indices, self.graph.indptr), shape=self.graph.shape)
        pair = lookup(numbered, self._each_cell, indptr, self.cells[other])
        return Meeting(near, other, pair, indptr)

    @cached_property
    def near(self) -> np.ndarray:
        """(pairs,) the first cell of each pair of neighbours, as they lie in `graph`; the second are its indices."""
        return np.repeat(np.arange(self.shape[1]), np.diff(self.graph.indptr))

    @cached_property
    def is_self(self) -> np.ndarray:
        """(pairs,) True for a cell and itself."""
        return self.graph.indices == self.near

    @cached_property
    def _selves(self) -> np.ndarray:
        """(K,) which of the pairs are a cell and itself; -1 for a cell without pixels."""
        found = np.full(self.shape[1], -1)
        own = np.flatnonzero(self.is_self)
        found[self.near[own]] = own
        return found

    def power(self, products: np.ndarray) -> np.ndarray:
        """(K,) the products of the cells with themselves, for products (pairs,) of neighbours; 0 for a cell without pixels."""
        return np.bincount(self.near, products * self.is_self, self.shape[1])

    def powers(self, products: Tensor) -> Tensor:
        """(n,) ‖c‖² of each entry's cell, for the products (pairs,) of neighbours' traces."""
        return products[torch.from_numpy(self._selves[self.cells]).to(products.device)]

    def shared(self, values: Tensor) -> np.ndarray:
        """(pairs,) AᵀA of the neighbours, in float64, for entries A of the pattern."""
        a = values.double().cpu().numpy()
        meeting = self.meeting
        found = np.bincount(meeting.pair, a[meeting.near] * a[meeting.other], self.graph.nnz)
        filled = self._selves >= 0
        found[self._selves[filled]] = np.bincount(self.cells, a * a, self.shape[1])[filled]
        return found

    def onto_bases(self, values: Tensor, V: Tensor) -> Tensor:
        """(K, T) AᵀU V, for entries A of the pattern and V (R, T)."""
        tiles, gather = self._reach
        return tiles.multiply(gather.T @ values, V)

    @cached_property
    def neighbours(self) -> Tiles:
        """The pairs of cells that share a pixel."""
        return Tiles.of_graph(self.graph, self.device)

    def batches(self, colours: list[np.ndarray], most: int) -> list[Batch]:
        """The cells that have pixels, by colour, at most so many at a time; kept for the pattern's own colours."""
        if colours is not self.colours:
            return self._batches(colours, most)
        if most not in self._kept:
            self._kept[most] = self._batches(colours, most)
        return self._kept[most]

    @cached_property
    def _kept(self) -> dict[int, list[Batch]]:
        return {}

    def _batches(self, colours: list[np.ndarray], most: int) -> list[Batch]:
        found, length = [], np.diff(self.graph.indptr)
        for group in colours:
            group = group[self._selves[group] >= 0]
            for cells in np.split(group, range(most, len(group), most)) if len(group) else []:
                ends = np.cumsum(length[cells])
                entries = np.repeat(self.graph.indptr[cells] - ends + length[cells], length[cells]) + np.arange(ends[-1])
                structure = Structure(np.concatenate([[0], ends]), self.graph.indices[entries], self.shape[1], self.device)
                which, where = (torch.from_numpy(x.astype(np.int64)).to(self.device) for x in (cells, entries))
                found.append(Batch(which, where, structure))
        return found

    @cached_property
    def crowds(self) -> list[Crowd]:
        """For each colour, what the others at its entries' pixels add up to."""
        meeting, count = self.meeting, len(self.pixels)
        found = []
        for part in self.parts:
            pairs = slice(int(meeting.indptr[part.start]), int(meeting.indptr[part.stop]))
            indptr = meeting.indptr[part.start : part.stop + 1] - pairs.start
            found.append(Crowd(part, pairs, Structure(indptr, meeting.other[pairs], count, self.device)))
        return found

    def crowd(self, values: Tensor, products: Tensor) -> Tensor:
        """(n,) Σ_j≠k a_pj g_jk: what the other cells at the pixel give to cell k, for products g of the neighbours' traces."""
        meeting = self.meeting
        whole = Structure(meeting.indptr, meeting.other, len(self.pixels), self.device)
        return whole.product(products[torch.from_numpy(meeting.pair).to(products.device)], values)

    @property
    def _each_cell(self) -> list[tuple[int, int, int]]:
        """Cell, first entry, end, in the order of the entries."""
        starts = np.flatnonzero(np.diff(self.cells, prepend=-1))
        ends = np.append(starts, len(self.cells))[1:]
        return list(zip(self.cells[starts].tolist(), starts.tolist(), ends.tolist(), strict=True))

    @staticmethod
    def _keys(matrix: sparse.csc_array) -> np.ndarray:
        """A number for each entry of a (P, K) matrix, rising."""
        return matrix.indices + np.repeat(np.arange(matrix.shape[1]) * matrix.shape[0], np.diff(matrix.indptr))


@dataclass(frozen=True)
class Meeting:
    """Pairs of different entries at one pixel.

    Args:
        near, other: (m,) the two entries, near ones in order. pair: (m,) place of their cells among the neighbours.
        indptr: (n + 1,) where each entry's pairs begin.
    """

    near: np.ndarray
    other: np.ndarray
    pair: np.ndarray
    indptr: np.ndarray


@dataclass(frozen=True)
class Crowd:
    """Entries of one colour, their pairs among all, and the sums over these."""

    part: slice
    pairs: slice
    structure: Structure


@dataclass(frozen=True)
class Batch:
    """Cells (m,) that share no pixel, their pairs (entries,) among the neighbours, and these as the rows of a (m, K) matrix."""

    cells: Tensor
    entries: Tensor
    structure: Structure


class Footprints(SparseMatrix):
    """A (P, K) whose pattern is known, so that what depends on the pattern alone is not computed anew with each change of the values.

    Args:
        pattern: of the footprints.
        values: (n,) at the pattern.
    """

    def __init__(self, pattern: Pattern, values: Tensor) -> None:
        super().__init__(pattern.matrix(values), pattern.device)
        self.pattern, self.values = pattern, values


def lookup(table: sparse.csr_array, runs: list[tuple[int, int, int]], indptr: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of a sparse table at (row, column), for runs (row, first, end) of the segments `indptr` of `columns`."""
    found = np.empty(len(columns), np.int64)
    seat = np.zeros(table.shape[1], np.int64)
    for row, first, end in runs:
        held = slice(table.indptr[row], table.indptr[row + 1])
        seat[table.indices[held]] = table.data[held]
        here = slice(indptr[first], indptr[end])
        found[here] = seat[columns[here]]
    return found
