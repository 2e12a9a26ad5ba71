"""Sparse matrices that are scipy's on the CPU and torch's on CUDA behind one product, in both orientations."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.patches import Patches

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")

SMALL = 2**14  # places of a matrix that is best kept dense
LARGE = 2**20  # multiply-adds from which torch's threads are worth their start


class SparseMatrix:
    """(M, N) float32 sparse matrix; `m @ dense` and `m.T @ dense` are fast on either device. Its entries are not to be changed.

    scipy multiplies what is small on the CPU, torch the rest: with all threads there, with cuSPARSE on CUDA.
    """

    def __init__(self, matrix: sparse.sparray | sparse.spmatrix, device: torch.device | str = "cpu") -> None:
        self.csr = sparse.csr_array(matrix, dtype=np.float32)
        if not self.csr.has_canonical_format:
            self.csr = self.csr.copy()  # the indices may be the caller's
            self.csr.sum_duplicates()
        self.device = torch.device(device)
        self._turned: SparseMatrix | None = None
        self._tensor: Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.csr.shape
        return int(rows), int(columns)

    @property
    def nnz(self) -> int:
        return int(self.csr.nnz)

    @property
    def T(self) -> SparseMatrix:
        if self._turned is None:
            self._turned = SparseMatrix(self.csr.T, self.device)
            self._turned._turned = self
        return self._turned

    @cached_property
    def patches(self) -> Patches:
        """The matrix as dense patches."""
        return Patches.of(self.csr)

    @cached_property
    def gram(self) -> sparse.csr_array:
        """(N, N) upper triangle of mᵀ m, in float64."""
        return self.patches.gram()

    def __matmul__(self, dense: Tensor) -> Tensor:
        """(M, N) @ (N, n) or (N,) -> dense tensor on the matrix's device."""
        if self.device.type == "cpu" and self.nnz * dense[:1].numel() < LARGE:
            return torch.from_numpy(np.asarray(self.csr @ dense.numpy(), np.float32))
        if not len(dense):  # no components: nothing to add up
            return torch.zeros(self.shape[0], *dense.shape[1:], device=self.device)
        if self._tensor is None:
            self._tensor = torch.sparse_csr_tensor(
                torch.from_numpy(self.csr.indptr),
                torch.from_numpy(self.csr.indices),
                torch.from_numpy(self.csr.data),
                size=self.csr.shape,
                device=self.device,
                check_invariants=False,
            )
        return (self._tensor @ dense.reshape(len(dense), -1)).reshape(self.shape[0], *dense.shape[1:])

    def rows(self, start: int, stop: int) -> SparseMatrix:
        """Rows start..stop as a matrix of their own."""
        return SparseMatrix(self.csr[start:stop], self.device)

    def to(self, device: torch.device | str) -> SparseMatrix:
        return self if torch.device(device) == self.device else SparseMatrix(self.csr, device)


def dense_rows(matrix: sparse.csr_array, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some rows of a sparse matrix, dense where they hold anything: those columns (m,), in order, and the values (n, m).

    Args:
        rows: (n,). For a hundred rows, several times faster than indexing a scipy matrix twice.
    """
    first = matrix.indptr[rows]
    length = matrix.indptr[rows + 1] - first
    each = np.repeat(np.arange(len(rows)), length)
    entries = np.arange(len(each)) + np.repeat(first - np.cumsum(length) + length, length)
    columns, place = np.unique(matrix.indices[entries], return_inverse=True)
    values = np.zeros((len(rows), len(columns)), matrix.dtype)
    values[each, place] = matrix.data[entries]
    return columns, values


class Structure:
    """The pattern of a sparse (M, N) matrix whose values change from time to time; making it costs more than most products."""

    def __init__(self, indptr: np.ndarray, indices: np.ndarray, width: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.shape = (len(indptr) - 1, width)
        self._indptr, self._indices = indptr, indices
        self._flat: Tensor | None = None
        if self.shape[0] * width <= SMALL:
            flat = np.repeat(np.arange(len(indptr) - 1) * width, np.diff(indptr)) + indices
            self._flat = torch.from_numpy(flat.astype(np.int64)).to(self.device)
        elif self.device.type != "cpu":
            self._at = tuple(torch.from_numpy(x.astype(np.int64)).to(device) for x in (indptr, indices))

    def filled(self, values: Tensor) -> Tensor | Filled:
        """The matrix with values (nnz,) float32, to be multiplied by a dense (N, n) or (N,)."""
        if self._flat is not None:
            return torch.zeros(self.shape[0] * self.shape[1], device=self.device).index_copy_(0, self._flat, values).view(self.shape)
        if self.device.type == "cpu":
            return Filled(sparse.csr_array((values.numpy(), self._indices, self._indptr), shape=self.shape))
        indptr, indices = self._at
        return Filled(torch.sparse_csr_tensor(indptr, indices, values, size=self.shape, check_invariants=False))

    def product(self, values: Tensor, dense: Tensor) -> Tensor:
        """(M, n) or (M,) product of the matrix with values (nnz,) and a dense (N, n) or (N,) one; all float32."""
        return self.filled(values) @ dense


@dataclass(frozen=True)
class Filled:
    """A sparse matrix of scipy's or, on CUDA, of torch's; `m @ dense` is float32 and a tensor."""

    matrix: sparse.csr_array | Tensor

    def __matmul__(self, dense: Tensor) -> Tensor:
        if not isinstance(self.matrix, Tensor):
            return torch.from_numpy(self.matrix @ dense.numpy())
        return (self.matrix @ dense.reshape(len(dense), -1)).reshape(self.matrix.shape[0], *dense.shape[1:])
