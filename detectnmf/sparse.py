"""A sparse matrix that is scipy's on the CPU and torch's on CUDA, in both orientations, behind one `@`."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


class SparseMatrix:
    """(M, N) float32 sparse matrix; `m @ dense` and `m.T @ dense` are fast on either device.

    scipy multiplies on the CPU (torch's CSR was measured ten times slower there), cuSPARSE on CUDA.
    """

    def __init__(self, matrix: sparse.sparray | sparse.spmatrix, device: torch.device | str = "cpu") -> None:
        self.csr = sparse.csr_array(matrix, dtype=np.float32)
        if not self.csr.has_canonical_format:
            self.csr = self.csr.copy()  # the indices may be the caller's
            self.csr.sum_duplicates()
        self.device = torch.device(device)
        self._turned: SparseMatrix | None = None
        self._cuda: Tensor | None = None

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

    def __matmul__(self, dense: Tensor) -> Tensor:
        """(M, N) @ (N, n) or (N,) -> dense tensor on the matrix's device."""
        if self.device.type == "cpu":
            return torch.from_numpy(np.asarray(self.csr @ dense.numpy(), np.float32))
        if not len(dense):  # no components: nothing to add up
            return torch.zeros(self.shape[0], *dense.shape[1:], device=self.device)
        if self._cuda is None:
            self._cuda = torch.sparse_csr_tensor(
                torch.from_numpy(self.csr.indptr.astype(np.int64)),
                torch.from_numpy(self.csr.indices.astype(np.int64)),
                torch.from_numpy(self.csr.data),
                size=self.csr.shape,
                device=self.device,
            )
        return (self._cuda @ dense.reshape(len(dense), -1)).reshape(self.shape[0], *dense.shape[1:])

    def rows(self, start: int, stop: int) -> SparseMatrix:
        """Rows start..stop as a matrix of their own."""
        return SparseMatrix(self.csr[start:stop], self.device)

    def to(self, device: torch.device | str) -> SparseMatrix:
        return self if torch.device(device) == self.device else SparseMatrix(self.csr, device)
