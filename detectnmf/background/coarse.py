"""A movie on a grid of a few points per cell: sums over its open pixels, and the way back into the movie's own bases.

A background is smooth in the recording's units: it is worked out on the grid and interpolated. What depends on the movie alone is
computed once and remembered, since a background is asked for at every revision of the cells.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.background.grid import Grid
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.residual import usable
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

T = TypeVar("T")
ENOUGH_FRAMES, MOST_BINNED = 256, 8  # correlations need so many time points; average at most so many frames into one
CACHED = 4 * 2**20  # bytes of a product that are made at once: few enough for the cache


def check_fineness(points_per_diameter: float) -> None:
    """Raises UserError for a grid that is none."""
    if not points_per_diameter > 0:
        raise UserError(f"background.points_per_diameter must be above 0, got {points_per_diameter}")


@dataclass(frozen=True)
class Coarse:
    """The parts of a grid that depend on the movie alone.

    Args:
        grid: over the image, Q points.
        good: (P,) usable pixels.
        std: (P,) noise level, recording's units.
        add: (Q, P) sums over the pixels of each point.
        onto: (R, P) from images in units of noise to the movie's coefficients.
        lift: (R, Q) the same from images on the grid, recording's units.
        total: (Q,) usable pixels of each point.
    """

    grid: Grid
    good: np.ndarray
    std: np.ndarray
    add: sparse.csr_array
    onto: SparseMatrix
    lift: SparseMatrix
    total: np.ndarray

    @classmethod
    def of(cls, movie: Compressed, step: int) -> Coarse:
        good, std = usable(movie), movie.std.ravel().astype(np.float32)
        grid = Grid(movie.size, step)
        add = grid.sum()
        onto = projector(movie)
        lift = onto.csr @ scaled(grid.interpolate(), good / std)
        return cls(grid, good, std, add, onto, SparseMatrix(lift, movie.device), add @ good)

    def open(self, model: Model) -> np.ndarray:
        """(P,) 1 where no cell is, 0 elsewhere; explicit zeros are pixels into which a support just grew."""
        return (self.good & (np.diff(model.A.csr.indptr) == 0)).astype(np.float32)

    def pool(self, movie: Compressed, open_: np.ndarray) -> sparse.csr_array:
        """(Q, R) sums over the open pixels of each point, recording's units: times V, the movie on the grid."""
        return sparse.csr_array(self.add @ scaled(movie.U.csr, open_ * self.std))

    def back(self, chain: list[sparse.csr_array], V: Tensor, runtime: Runtime) -> Tensor:
        """(R, T) coefficients of the movie whose image on the grid is chain[0] @ chain[1] @ ... @ V, with mean 0 over time."""
        operators = [SparseMatrix(operator, V.device) for operator in reversed(chain)] + [self.lift]
        B = torch.empty_like(V)
        for piece in pieces(V.shape[1], len(self.total), runtime):
            part = V[:, piece].contiguous()
            for operator in operators:
                part = operator @ part
            B[:, piece] = part
        return B.sub_(B.mean(dim=1, keepdim=True))


class Remembered(Generic[T]):
    """What was worked out for the last movie, for as long as that movie lives."""

    def __init__(self) -> None:
        self._held: tuple[weakref.ref[Compressed], object, T] | None = None

    def __call__(self, movie: Compressed, key: object, make: Callable[[], T]) -> T:
        """What `make` gives for this movie and key."""
        held = self._held
        if held is None or held[0]() is not movie or held[1] != key:
            held = weakref.ref(movie, lambda _: self._forget()), key, make()
            self._held = held
        return held[2]

    def _forget(self) -> None:
        self._held = None

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(self), ()  # copies and other processes begin anew


def scaled(matrix: sparse.csr_array, rows: np.ndarray) -> sparse.csr_array:
    """A sparse matrix with its rows multiplied."""
    data = matrix.data * np.repeat(rows.astype(np.float32), np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def binned(V: Tensor) -> Tensor:
    """Centred V averaged over a few frames, where there are plenty: a background is slow."""
    return averaged(V, min(MOST_BINNED, max(1, V.shape[1] // ENOUGH_FRAMES)))


def averaged(V: Tensor, frames: int) -> Tensor:
    """V averaged over so many frames at a time, centred; what is left at the end is left out."""
    if frames > 1:
        V = V[:, : V.shape[1] // frames * frames].unflatten(1, (-1, frames)).mean(dim=2)
    return V - V.mean(dim=1, keepdim=True)


def pieces(frames: int, rows: int, runtime: Runtime) -> Iterator[slice]:
    """Frames in pieces for which a few arrays of so many rows fit into the memory budget."""
    step = runtime.batch(rows * 4 * 4, most=max(frames, 1))
    for start in range(0, frames, step):
        yield slice(start, min(start + step, frames))


def projector(movie: Compressed) -> SparseMatrix:
    """(R, P) from a movie to its coefficients: the blended block bases, or least squares for hand-made factors."""
    if movie.U_local is not None:
        return movie.U_local.T
    U = movie.U.csr.astype(np.float64)
    return SparseMatrix(sparse.csr_array(np.linalg.pinv((U.T @ U).toarray(), hermitian=True) @ U.T.toarray()), movie.device)


def energy(movie: Compressed, V: Tensor, runtime: Runtime) -> np.ndarray:
    """(P,) of each pixel over time, in units of noise, for V (R, t)."""
    pixels = movie.size[0] * movie.size[1]
    rows = min(runtime.batch(V.shape[1] * 4), max(1, CACHED // (V.shape[1] * 4)))
    found = [(movie.U.rows(start, start + rows) @ V).square().sum(dim=1).cpu() for start in range(0, pixels, rows)]
    return torch.cat(found).numpy()
