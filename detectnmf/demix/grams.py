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

from detectnmf.compressed import Compressed, is_nothing
from detectnmf.demix.pattern import Footprints, Pattern
from detectnmf.demix.tiles import FRAMES, Tiles
from detectnmf.sparse import SparseMatrix

FEW = 512  # frames whose squares are added up in float32
ROWS = 128  # rows of traces multiplied at a time
CENTRED = 1e-4  # units of noise: a mean that is none


def gram(x: Tensor, y: Tensor) -> Tensor:
    """(M, N) float64 products over time of x (M, T) and y (N, T)."""
    total = torch.zeros((len(x), len(y)), dtype=torch.float64, device=x.device)
    for start in range(0, x.shape[1], FRAMES):
        total += x[:, start : start + FRAMES].double() @ y[:, start : start + FRAMES].double().T
    return total


def dot(x: Tensor, y: Tensor) -> float:
    """Sum of x∘y, added up in float64 without a float64 copy of the whole."""
    return sum(float((x[i : i + ROWS] * y[i : i + ROWS]).sum(dtype=torch.float64)) for i in range(0, len(x), ROWS))


def norms(x: Tensor) -> Tensor:
    """(n,) float64 squared norms of rows, each added up in float32 over a few frames at a time."""
    found = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for start in range(0, x.shape[1], FEW):
        found += torch.linalg.vector_norm(x[:, start : start + FEW], dim=1).double().square()
    return found


def centred(x: Tensor) -> Tensor:
    """Rows without their mean over time."""
    return x - x.mean(dim=1, keepdim=True)


def sampled_gram(V: Tensor, pattern: sparse.csr_array) -> sparse.csr_array:
    """V Vᵀ (R, R) in float64, at the entries of a pattern only: bases that share no pixel never meet."""
    if len(pattern.indices) == pattern.shape[0] == len(V) and (pattern.indices == np.arange(len(V))).all():  # none meets another
        data = norms(V).cpu().numpy()
        return sparse.csr_array((data, pattern.indices, pattern.indptr), shape=pattern.shape)
    data = Tiles.of(pattern, V.device).sample(V, V, torch.float64).cpu().numpy()
    return sparse.csr_array((data, pattern.indices, pattern.indptr), shape=pattern.shape)


@dataclass(frozen=True)
class Seen:
    """What footprints A (P, K) see of a target, and of each other.

    Args:
        pattern: of the footprints.
        movie: (K, T) AᵀU V.
        shared: AᵀA in float64, at the entries of `pattern.graph`.
    """

    pattern: Pattern
    movie: Tensor
    shared: np.ndarray

    @classmethod
    def of(cls, target: Target, A: SparseMatrix) -> Seen:
        if not isinstance(A, Footprints):
            pattern = Pattern.of(sparse.csc_array(A.T.csr.T), target.U)
            A = pattern.footprints(pattern.values(pattern.supports))
        return cls(A.pattern, A.pattern.onto_bases(A.values, target.V), A.pattern.shared(A.values))


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
        if is_nothing(B) and (not len(movie.level) or float(movie.level.abs().max()) <= CENTRED):
            return cls(movie.U, movie.V, torch.zeros_like(movie.level))  # nothing to subtract: the movie itself
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
    def level(self) -> Tensor:
        """(P,) mean over time of U (V − B)."""
        return self.U @ self.mean

    @cached_property
    def _last(self) -> dict[str, tuple[SparseMatrix, Seen]]:
        return {}

    def seen(self, A: SparseMatrix) -> Seen:
        """What footprints (P, K) see; kept for the last ones, since traces and objective both ask for it."""
        if "A" not in self._last or self._last["A"][0] is not A:
            self._last["A"] = A, Seen.of(self, A)
        return self._last["A"][1]

    @cached_property
    def _temporal(self) -> sparse.csr_array:
        """V Vᵀ (R, R) where bases share a pixel: the upper triangle."""
        return sampled_gram(self.V, self.U.gram)

    @cached_property
    def energy(self) -> float:
        """‖U V‖², centred in time."""
        spatial, temporal = self.U.gram, self._temporal
        return 2 * float(spatial.data @ temporal.data) - float(spatial.diagonal() @ temporal.diagonal())

    @cached_property
    def energies(self) -> np.ndarray:
        """(P,) ‖(U V)_p‖² of each pixel."""
        return self.U.patches.forms(self._temporal)


def baseline(target: Target, A: SparseMatrix, C: Tensor) -> Tensor:
    """(P,) the best static baseline: the mean over time of U (V − B) − A C."""
    return target.level - A @ C.mean(dim=1) if len(C) else target.level


def objective(target: Target, A: SparseMatrix, C: Tensor, b: Tensor) -> float:
    """‖U (V − B) − A C − b 1ᵀ‖² over all pixels and frames, in units of noise squared."""
    offset = target.level - b
    total = target.energy
    if len(C):
        mean = C.mean(dim=1)
        offset = offset - A @ mean
        C = C - mean[:, None]
        seen = target.seen(A)
        products = seen.pattern.neighbours.sample(C, C, torch.float64).cpu().numpy()
        total += float(seen.shared @ products) - 2 * dot(seen.movie, C)
    return total + target.frames * float((offset.double() ** 2).sum())
