"""Inner products over time and what they give without ever forming the movie: energies and the objective.

Everything is accumulated in float64, because the objective is a small difference of large sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.sparse import SparseMatrix

FRAMES = 4096  # frames converted to float64 at a time
ROWS = 128  # rows of V multiplied at a time with the rows that share pixels with them
PIXELS = 65536  # pixels whose energies are computed at a time


def gram(x: Tensor, y: Tensor) -> Tensor:
    """(M, N) float64 products over time of x (M, T) and y (N, T)."""
    total = torch.zeros((len(x), len(y)), dtype=torch.float64, device=x.device)
    for start in range(0, x.shape[1], FRAMES):
        total += x[:, start : start + FRAMES].double() @ y[:, start : start + FRAMES].double().T
    return total


def dot(x: Tensor, y: Tensor) -> float:
    """Sum of x∘y in float64, without a float64 copy of the whole."""
    return sum(float((x[i : i + ROWS].double() * y[i : i + ROWS].double()).sum()) for i in range(0, len(x), ROWS))


def centred(x: Tensor) -> Tensor:
    """Rows without their mean over time."""
    return x - x.mean(dim=1, keepdim=True)


def sampled_gram(V: Tensor, pattern: sparse.csr_array) -> sparse.csr_array:
    """V Vᵀ (R, R) in float64, at the entries of a pattern only: bases that share no pixel never meet."""
    data = np.zeros(pattern.nnz)
    for start in range(0, len(V), ROWS):
        low, high = pattern.indptr[start], pattern.indptr[min(start + ROWS, len(V))]
        columns = pattern.indices[low:high]
        partners, position = np.unique(columns, return_inverse=True)
        block = gram(V[start : start + ROWS], V[torch.from_numpy(partners).to(V.device)]).cpu().numpy()
        rows = np.repeat(np.arange(len(block)), np.diff(pattern.indptr[start : start + ROWS + 1]))
        data[low:high] = block[rows, position]
    return sparse.csr_array((data, pattern.indices, pattern.indptr), shape=pattern.shape)


@dataclass(frozen=True)
class Target:
    """What cells and baseline must explain: U (V − B), its mean over time set apart.

    Args:
        U: (P, R).
        V: (R, T) V − B, centred in time.
        mean: (R,) what was subtracted.
    """

    U: SparseMatrix
    V: Tensor
    mean: Tensor

    @classmethod
    def of(cls, movie: Compressed, B: Tensor) -> Target:
        V = movie.V - B
        mean = V.mean(dim=1)
        return cls(movie.U, V.sub_(mean[:, None]), mean)

    @property
    def frames(self) -> int:
        return int(self.V.shape[1])

    @property
    def device(self) -> torch.device:
        return self.V.device

    @cached_property
    def _spatial(self) -> sparse.csr_array:
        """UᵀU (R, R) in float64."""
        U = self.U.csr.astype(np.float64)
        return sparse.csr_array(U.T @ U)

    @cached_property
    def _temporal(self) -> sparse.csr_array:
        """V Vᵀ (R, R) where bases share a pixel."""
        return sampled_gram(self.V, self._spatial)

    @cached_property
    def energy(self) -> float:
        """‖U V‖², centred in time."""
        return float(self._spatial.multiply(self._temporal).sum())

    def pixel_energy(self, pixels: np.ndarray) -> np.ndarray:
        """‖(U V)_p‖² for the given pixels."""
        found = np.zeros(len(pixels))
        for start in range(0, len(pixels), PIXELS):
            rows = self.U.csr[pixels[start : start + PIXELS]].astype(np.float64)
            found[start : start + PIXELS] = (rows @ self._temporal).multiply(rows).sum(axis=1)
        return found


def baseline(target: Target, A: SparseMatrix, C: Tensor) -> Tensor:
    """(P,) the best static baseline: the mean over time of U (V − B) − A C."""
    level = target.U @ target.mean
    return level - A @ C.mean(dim=1) if len(C) else level


def objective(target: Target, A: SparseMatrix, C: Tensor, b: Tensor) -> float:
    """‖U (V − B) − A C − b 1ᵀ‖² over all pixels and frames, in units of noise squared."""
    offset = target.U @ target.mean - b
    total = target.energy
    if len(C):
        offset = offset - A @ C.mean(dim=1)
        C = centred(C)
        A64 = A.csr.astype(np.float64)
        seen = SparseMatrix(A64.T @ target.U.csr.astype(np.float64), target.device) @ target.V
        shared = sparse.csr_array(A64.T @ A64)
        total += float(shared.multiply(sampled_gram(C, shared)).sum()) - 2 * dot(seen, C)
    return total + target.frames * float((offset.double() ** 2).sum())
