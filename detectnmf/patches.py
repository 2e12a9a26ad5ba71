"""Rows of a sparse matrix with the same columns, taken together as dense patches.

In a compressed movie all pixels that lie in the same blocks are made of the same bases, so that U is a few small dense matrices per
block, scattered. Its Gram matrix and quadratic forms are sums over such matrices, ten times faster than sparse products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

FEWEST = 4  # rows of a patch; single ones are left to the sparse product


@dataclass(frozen=True)
class Patch:
    """rows (n,) and columns (m,) of a matrix, values (n, m) there."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Patches:
    """A sparse (M, N) matrix as dense patches.

    Args:
        shape: (M, N).
        patches: no row is in two of them.
        loose: (M, N) the rows that are in none; empty elsewhere.
    """

    shape: tuple[int, int]
    patches: tuple[Patch, ...]
    loose: sparse.csr_array

    @classmethod
    def of(cls, matrix: sparse.csr_array) -> Patches:
        """From a matrix without duplicate entries, its indices in order."""
        length = np.diff(matrix.indptr)
        name = _names(matrix)
        order = np.argsort(name, kind="stable")
        order = order[length[order] > 0]
        starts = np.flatnonzero(np.diff(name[order], prepend=np.nan) != 0)
        count = np.diff(starts, append=len(order))
        first = np.repeat(order[starts], count)  # of its group, for each row
        alike = (np.repeat(count, count) >= FEWEST) & _equal(matrix, order, first)
        patches = []
        for start, rows in zip(starts.tolist(), count.tolist(), strict=True):
            if not alike[start]:
                continue
            mine = order[start : start + rows][alike[start : start + rows]]
            columns = matrix.indices[matrix.indptr[mine[0]] : matrix.indptr[mine[0] + 1]].astype(np.int64)
            values = matrix.data[matrix.indptr[mine][:, None] + np.arange(len(columns))]
            patches.append(Patch(mine, columns, values))
        outside = np.zeros(len(length), bool)
        outside[order[~alike]] = True
        kept = np.repeat(outside, length)
        indptr = np.concatenate([[0], np.cumsum(length * outside)])
        loose = sparse.csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)
        return cls((int(matrix.shape[0]), int(matrix.shape[1])), tuple(patches), loose)

    def gram(self) -> sparse.csr_array:
        """(N, N) upper triangle of the transposed matrix times itself, in float64."""
        width = self.shape[1]
        keys, sums = [np.zeros(0, np.int64)], [np.zeros(0)]
        for patch in self.patches:
            i, j = _pairs(len(patch.columns))
            wide = patch.values.astype(np.float64)
            keys.append(patch.columns[i] * width + patch.columns[j])
            sums.append((wide.T @ wide)[i, j])
        if self.loose.nnz:
            wide = self.loose.astype(np.float64)
            rest = sparse.triu(wide.T @ wide).tocoo()
            keys.append(rest.row.astype(np.int64) * width + rest.col)
            sums.append(rest.data)
        found, position = np.unique(np.concatenate(keys), return_inverse=True)
        data = np.bincount(position, np.concatenate(sums), len(found))
        rows, columns = np.divmod(found, width)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=width))])
        return sparse.csr_array((data, columns, indptr), shape=(width, width))

    def forms(self, upper: sparse.csr_array) -> np.ndarray:
        """(M,) quadratic form uᵀ S u of each row u, for a symmetric S (N, N) given by its upper triangle.

        Args:
            upper: indices in order; holds all pairs of columns that one row holds, as `gram` does.
        """
        found = np.zeros(self.shape[0])
        width = self.shape[1]
        known = np.repeat(np.arange(width), np.diff(upper.indptr)) * width + upper.indices
        for patch in self.patches:
            i, j = _pairs(len(patch.columns))
            here = np.zeros((len(patch.columns),) * 2)
            here[i, j] = upper.data[np.searchsorted(known, patch.columns[i] * width + patch.columns[j])] * np.where(i == j, 1, 2)
            wide = patch.values.astype(np.float64)
            found[patch.rows] = np.einsum("nm,nm->n", wide @ here, wide)
        if self.loose.nnz:
            wide = self.loose.astype(np.float64)
            whole = upper * 2 - sparse.diags_array(upper.diagonal())
            found += (wide @ whole).multiply(wide).sum(axis=1)
        return found


def _names(matrix: sparse.csr_array) -> np.ndarray:
    """(M,) a number for each row that depends on its columns alone; alike for rows with the same columns."""
    weights = np.random.default_rng(0).random(matrix.shape[1])
    return sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape) @ weights


def _equal(matrix: sparse.csr_array, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) True where a row holds the same columns as the other: equal names alone prove nothing."""
    length = np.diff(matrix.indptr)[rows]
    same = length == np.diff(matrix.indptr)[others]
    length = np.where(same, length, 0)
    owner = np.repeat(np.arange(len(rows)), length)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length)
    differ = matrix.indices[matrix.indptr[rows][owner] + within] != matrix.indices[matrix.indptr[others][owner] + within]
    return same & (np.bincount(owner, differ, len(rows)) == 0)


@lru_cache(maxsize=64)
def _pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the upper triangle of a (count, count) matrix."""
    return np.triu_indices(count)
