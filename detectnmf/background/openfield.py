"""What the pixels outside all cells show, on a grid and over a summary of time: the data of the backgrounds that span the field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.background.coarse import Coarse, Remembered, averaged, pieces
from detectnmf.background.factors import Factors, correlations, project
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

SUMMARY = 512  # time points that are enough to find images


@dataclass(frozen=True)
class OpenField:
    """Means over the open pixels of each grid point, recording's units.

    Args:
        pooled: (Q, R) times V: sums over open pixels. count: (Q,) how many there are.
        Y: (Q, t) means over open pixels and a few frames, centred over time.
        precision: (Q,) inverse noise variance of a mean; 0 without open pixels.
        noise: (Q,) energy of the noise that the denoised movie still has, in Y's units.
    """

    pooled: sparse.csr_array
    count: np.ndarray
    Y: Tensor
    precision: Tensor
    noise: Tensor

    @classmethod
    def of(cls, coarse: Coarse, movie: Compressed, model: Model, floor: float) -> OpenField:
        open_ = coarse.open(model)
        pooled, count = coarse.pool(movie, open_), coarse.add @ open_
        variance = coarse.add @ (open_ * coarse.std**2)
        V = averaged(movie.V, -(-movie.V.shape[1] // SUMMARY))
        Y = SparseMatrix(pooled, movie.device) @ V / on(movie, np.maximum(count, 1))[:, None]
        precision = np.where(count > 0, count**2 / np.maximum(variance, 1e-30), 0)
        noise = floor**2 * V.shape[1] * variance / np.maximum(count, 1)
        return cls(pooled, count, Y, on(movie, precision), on(movie, noise))

    def share(self, factors: Factors, chance: float, sure: float) -> Tensor:
        """(r,) part of the open pixels that each course explains: fully from a correlation of `sure` on, not at all below `chance`."""
        trust = ((correlations(self.Y, factors, self.noise) - chance) / (sure - chance)).clamp(0, 1)
        count = torch.from_numpy(self.count.astype(np.float32)).to(self.Y.device)
        return count @ trust / count.sum().clamp_min(1)

    def courses(self, factors: Factors, movie: Compressed, runtime: Runtime) -> Tensor:
        """(r, T) courses over all frames, with mean 0."""
        add = SparseMatrix(self.pooled, movie.device)
        mean = movie.V.mean(dim=1, keepdim=True)
        count = on(movie, np.maximum(self.count, 1))[:, None]
        found = torch.empty((factors.images.shape[1], movie.V.shape[1]), device=movie.device)
        for piece in pieces(movie.V.shape[1], 2 * len(self.count), runtime):
            found[:, piece] = project(factors.images, add @ (movie.V[:, piece] - mean) / count, self.precision, factors.cut)
        return found - found.mean(dim=1, keepdim=True)


def look(
    remembered: Remembered[Coarse], movie: Compressed, model: Model, diameter: float, points_per_diameter: float, floor: float
) -> tuple[Coarse, OpenField] | None:
    """The movie's grid, of so many points per cell diameter, and its open field; None where the movie holds nothing or all is covered."""
    if not movie.rank:
        return None
    step = max(1, round(diameter / points_per_diameter))
    coarse = remembered(movie, step, lambda: Coarse.of(movie, step))
    seen = OpenField.of(coarse, movie, model, floor)
    return (coarse, seen) if seen.count.any() else None


def on(movie: Compressed, values: np.ndarray) -> Tensor:
    """float32 on the movie's device."""
    return torch.from_numpy(np.asarray(values, np.float32)).to(movie.device)


def accepted(share: Tensor, common: float) -> Tensor:
    """How far a course is background: fully when it explains a share of the field of `common`, not at all below half of that."""
    return (2 * share / common - 1).clamp(0, 1)
