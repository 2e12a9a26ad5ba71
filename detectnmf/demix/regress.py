"""Traces for given footprints: non-negative regression on the compressed movie."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import sparse
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.demix.colour import classes
from detectnmf.demix.grams import Target, baseline
from detectnmf.demix.hals import temporal
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class Regression:
    """C (K, T) traces and b (P,) static baseline, in units of noise."""

    C: Tensor
    b: Tensor


def nonnegative_regression(
    movie: Compressed,
    A: SparseMatrix,
    B: Tensor | None = None,
    start: Tensor | None = None,
    sweeps: int = 200,
    tolerance: float = 1e-5,
    b: Tensor | None = None,
    signed: bool = False,
) -> Regression:
    """Minimise ‖U (V − B) − A C − b 1ᵀ‖ over C >= 0 and b, or over C alone where b is given.

    Args:
        movie: the compressed movie.
        A: (P, K) footprints in units of noise (recording's units divided by `movie.std`), kept as they are.
        B: (R, T) fluctuating background; None for none.
        start: (K, T) traces to begin with; None for zeros.
        sweeps: passes over all cells at most.
        tolerance: stop when no trace changes by more than this part of its norm.
        b: (P,) static baseline, held as it is; None for the best one.
        signed: traces may be below 0.
    """
    target = Target.of(movie, torch.zeros_like(movie.V) if B is None else B)
    C = torch.zeros((A.shape[1], len(movie)), device=movie.device) if start is None else start
    C = temporal(target, A, C, classes(sparse.csc_array(A.csr)), sweeps, tolerance, b, signed)
    return Regression(C, baseline(target, A, C) if b is None else b)
