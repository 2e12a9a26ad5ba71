"""`Model`: the current explanation of a compressed movie, in units of noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class Light:
    """One image (P,) times one course (T,) that the whole field shares."""

    image: Tensor
    course: Tensor


@dataclass(frozen=True)
class Model:
    """U V ≈ A C + b 1ᵀ + U B, everything in units of noise and relative to the movie's mean.

    Args:
        A: (P, K) footprints, >= 0.
        C: (K, T) traces.
        b: (P,) static baseline, relative to the movie's mean.
        B: (R, T) the fluctuating background in the movie's own spatial bases.
        score: (K,) the finder's confidence.
        light: a further background that is not in B yet; handed from one `demix=fast` to the next, in no finished model.
    """

    A: SparseMatrix
    C: Tensor
    b: Tensor
    B: Tensor
    score: Tensor
    light: Light | None = None

    @classmethod
    def nothing(cls, movie: Compressed) -> Model:
        """No cells, no background: what the first seeder is given."""
        from scipy import sparse

        pixels = movie.size[0] * movie.size[1]
        zeros = torch.zeros
        return cls(
            A=SparseMatrix(sparse.csr_array((pixels, 0)), movie.device),
            C=zeros((0, len(movie)), device=movie.device),
            b=zeros(pixels, device=movie.device),
            B=movie.nothing(),
            score=zeros(0, device=movie.device),
        )

    def __len__(self) -> int:
        return self.A.shape[1]
