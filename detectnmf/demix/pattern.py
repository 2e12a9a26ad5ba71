"""The support pattern of the footprints, arranged for exact batched updates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.demix.colour import classes
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class Pattern:
    """Where A may be above zero: n entries (pixel, cell), those of one colour in a row.

    Args:
        shape: (P, K).
        pixels: (n,) pixel of each entry. cells: (n,) cell of each entry.
        colours: the cells of each colour.
        parts: the entries of each colour.
        gather: (n, R·K); gather @ H.flatten() is (U H) at the entries, for H (R, K).
        meets: (n, n) pairs of entries at one pixel.
    """

    shape: tuple[int, int]
    pixels: np.ndarray
    cells: np.ndarray
    colours: list[np.ndarray]
    parts: list[slice]
    gather: SparseMatrix
    meets: sparse.csr_array

    @classmethod
    def of(cls, supports: sparse.csc_array, U: SparseMatrix) -> Pattern:
        """From the sparsity pattern of (P, K) supports, explicit zeros included."""
        count, cells = supports.shape
        colours = classes(supports)
        order = np.concatenate([np.zeros(0, np.int64), *colours])
        chosen = sparse.csc_array(supports)[:, order]
        chosen.sort_indices()
        pixels = chosen.indices.astype(np.int64)
        owner = np.repeat(order, np.diff(chosen.indptr))
        ends = np.concatenate([[0], chosen.indptr[np.cumsum([len(c) for c in colours], dtype=np.int64)]])
        rows = U.csr[pixels]
        columns = rows.indices.astype(np.int64) * cells + np.repeat(owner, np.diff(rows.indptr))
        gather = sparse.csr_array((rows.data, columns, rows.indptr.astype(np.int64)), shape=(len(pixels), U.shape[1] * cells))
        at = sparse.csr_array((np.ones(len(pixels), np.float32), pixels, np.arange(len(pixels) + 1)), shape=(len(pixels), count))
        parts = [slice(int(a), int(z)) for a, z in pairwise(ends)]
        return cls((count, cells), pixels, owner, colours, parts, SparseMatrix(gather, U.device), sparse.csr_array(at @ at.T))

    def values(self, A: sparse.csr_array | sparse.csc_array) -> Tensor:
        """(n,) the entries of a (P, K) matrix at the pattern."""
        if not len(self.pixels):
            return torch.zeros(0, device=self.gather.device)
        found = np.asarray(sparse.csr_array(A)[self.pixels, self.cells], np.float32).ravel()
        return torch.from_numpy(found).to(self.gather.device)

    def matrix(self, values: Tensor) -> sparse.csc_array:
        """(P, K) with the values at the pattern; zeros stay as explicit entries."""
        return sparse.csc_array((values.cpu().numpy(), (self.pixels, self.cells)), shape=self.shape)

    def at_entries(self, H: Tensor) -> Tensor:
        """(n,) entries of U H, for H (R, K)."""
        return self.gather @ H.reshape(-1)

    def crowd(self, values: Tensor, G: Tensor) -> Tensor:
        """(n,) Σ_j a_pj G_jk: what all cells at the pixel give to cell k, for G (K, K)."""
        near = torch.from_numpy(np.repeat(np.arange(len(self.pixels)), np.diff(self.meets.indptr))).to(values.device)
        other = torch.from_numpy(self.meets.indices.astype(np.int64)).to(values.device)
        owner = torch.from_numpy(self.cells).to(values.device)
        return torch.zeros_like(values).index_add_(0, near, values[other] * G[owner[other], owner[near]])
