"""What one iteration of localNMF hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.demix.grams import Target, baseline
from detectnmf.demix.model import Model
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class State:
    """Cells, and what they must explain.

    Args:
        footprints: (P, K), their support as explicit entries. C: (K, T). score: (K,).
        target: the movie less the background. B: (R, T) that background.
    """

    footprints: sparse.csc_array
    C: Tensor
    score: Tensor
    target: Target
    B: Tensor

    @property
    def A(self) -> SparseMatrix:
        return SparseMatrix(self.footprints, self.C.device)

    def model(self) -> Model:
        """With the best baseline; what a background is given."""
        A = self.A
        return Model(A, self.C, baseline(self.target, A, self.C), self.B, self.score)

    def cells(self, footprints: sparse.csc_array, C: Tensor, origin: np.ndarray) -> State:
        """Other cells, each of which continues one of the present ones."""
        return replace(self, footprints=footprints, C=C, score=rows(self.score, origin))


def rows(x: Tensor, chosen: np.ndarray) -> Tensor:
    """The chosen rows of a tensor."""
    return x[torch.from_numpy(np.asarray(chosen)).to(x.device)]
