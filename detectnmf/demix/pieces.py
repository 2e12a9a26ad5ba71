"""Pieces of a movie that are local in space and in time, and their fit: a few squares times a few frames each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from detectnmf.demix.lasso import Lasso
from detectnmf.demix.model import Model
from detectnmf.events.grid import Grid

TINY = 1e-12


@dataclass(frozen=True)
class Piece:
    """values · courseᵀ on some squares during some frames.

    Args:
        squares: (n,) where it may be. values: (n,) >= 0, its footprint there.
        first: its first frame. course: (L,), of norm 1 at most.
    """

    squares: np.ndarray
    values: Tensor
    first: int
    course: Tensor

    @classmethod
    def about(cls, grid: Grid, squares: np.ndarray, values: np.ndarray, first: int, course: Tensor, reach: float) -> Piece:
        """A footprint with room to grow by `reach` squares; its course is brought to norm 1."""
        around = nearby(grid, squares, reach)
        spread = np.zeros(len(around), np.float32)
        spread[np.searchsorted(around, squares)] = values
        norm = course.norm().clamp_min(TINY)
        return cls(around, torch.from_numpy(spread).to(course.device) * norm, first, course / norm)

    @property
    def last(self) -> int:
        """Past its last frame."""
        return self.first + len(self.course)

    @property
    def length(self) -> float:
        """Frames that it lasts: of a box with the same mean and the same energy."""
        return float(self.course.abs().sum().square() / self.course.square().sum().clamp_min(TINY))

    @property
    def area(self) -> int:
        """Squares above 0."""
        return int((self.values > 0).sum())

    def tight(self) -> Piece:
        """Only where it is."""
        kept = (self.values > 0).cpu().numpy()
        return replace(self, squares=self.squares[kept], values=self.values[torch.from_numpy(kept).to(self.values.device)])


@dataclass(frozen=True)
class Pieces:
    """Some pieces, as one sparse model."""

    pieces: tuple[Piece, ...]

    def __len__(self) -> int:
        return len(self.pieces)

    def __iter__(self) -> Iterator[Piece]:
        return iter(self.pieces)

    @classmethod
    def of(cls, grid: Grid, model: Model, reach: float) -> Pieces:
        """A model's components again; each lasts while its trace is not 0."""
        coarse = grid.coarse(model.A.csr)
        found = []
        for k in range(len(model)):
            mine = slice(coarse.indptr[k], coarse.indptr[k + 1])
            lasts = torch.nonzero(model.C[k])[:, 0]
            if len(lasts) and mine.stop > mine.start:
                first, last = int(lasts[0]), int(lasts[-1]) + 1
                order = np.argsort(coarse.indices[mine])
                found.append(
                    Piece.about(grid, coarse.indices[mine][order], coarse.data[mine][order], first, model.C[k, first:last].clone(), reach)
                )
        return cls(tuple(found))

    def joined(self, other: Pieces) -> Pieces:
        return Pieces((*self.pieces, *other.pieces))

    def residual(self, Y: Tensor) -> Tensor:
        """(G, T) what the pieces leave of Y."""
        left = Y.clone()
        for piece in self.pieces:
            left[torch.from_numpy(piece.squares).to(Y.device), piece.first : piece.last] -= torch.outer(piece.values, piece.course)
        return left

    def footprints(self, squares: int) -> sparse.csc_array:
        """(G, K)."""
        kept = [piece.tight() for piece in self.pieces]
        values = np.concatenate([np.zeros(0, np.float32), *(piece.values.cpu().numpy() for piece in kept)])
        places = np.concatenate([np.zeros(0, np.int64), *(piece.squares for piece in kept)])
        return sparse.csc_array((values, places, np.cumsum([0, *(len(p.squares) for p in kept)])), shape=(squares, len(kept)))

    def courses(self, frames: int, device: torch.device) -> Tensor:
        """(K, T), 0 where a piece does not last."""
        C = torch.zeros((len(self), frames), device=device)
        for k, piece in enumerate(self.pieces):
            C[k, piece.first : piece.last] = piece.course
        return C


def nearby(grid: Grid, squares: np.ndarray, reach: float) -> np.ndarray:
    """The squares at most `reach` from some squares, in order."""
    rows, columns = grid.place[squares].T
    low = np.maximum([rows.min() - int(reach), columns.min() - int(reach)], 0)
    high = np.array([rows.max() + int(reach) + 1, columns.max() + int(reach) + 1])
    window = grid.index[low[0] : high[0], low[1] : high[1]]
    far = np.ones(window.shape, bool)
    far[rows - low[0], columns - low[1]] = False
    return np.sort(window[(ndimage.distance_transform_edt(far) <= reach) & (window >= 0)])


def groups(pieces: Pieces) -> Iterator[list[Piece]]:
    """Pieces that share squares at the same time, directly or by way of others."""
    count = len(pieces)
    if not count:
        return
    members = sparse.csr_array(
        (
            np.ones(sum(len(p.squares) for p in pieces), np.int32),
            np.concatenate([p.squares for p in pieces]),
            np.cumsum([0, *(len(p.squares) for p in pieces)]),
        )
    )
    pairs = sparse.coo_array(members @ members.T)
    first, last = np.array([p.first for p in pieces]), np.array([p.last for p in pieces])
    together = (first[pairs.row] < last[pairs.col]) & (first[pairs.col] < last[pairs.row])
    graph = sparse.csr_array((np.ones(together.sum()), (pairs.row[together], pairs.col[together])), shape=(count, count))
    number, label = connected_components(graph, directed=False)
    for group in range(number):
        yield [pieces.pieces[k] for k in np.flatnonzero(label == group)]


def fit(
    group: list[Piece], Y: Tensor, prices: Sequence[float], solver: Lasso, iterations: int, tolerance: float
) -> tuple[list[Piece], float]:
    """The pieces of one group, each with its price, fitted to Y (G, T), and the objective relative to that of no piece; it never rises."""
    squares = np.unique(np.concatenate([piece.squares for piece in group]))
    start, stop = min(piece.first for piece in group), max(piece.last for piece in group)
    film = Y[torch.from_numpy(squares).to(Y.device), start:stop]
    count, device = len(group), Y.device
    A, C = torch.zeros((count, len(squares)), device=device), torch.zeros((count, stop - start), device=device)
    there, lasts = torch.zeros(A.shape, dtype=torch.bool, device=device), torch.zeros(C.shape, dtype=torch.bool, device=device)
    where = [torch.from_numpy(np.searchsorted(squares, piece.squares)).to(device) for piece in group]
    for k, piece in enumerate(group):
        A[k, where[k]], there[k, where[k]] = piece.values, True
        C[k, piece.first - start : piece.last - start] = piece.course
        lasts[k, piece.first - start : piece.last - start] = True
    energy, last, alpha = float(film.square().sum()), np.inf, torch.tensor(prices, dtype=torch.float32, device=device)
    for _ in range(iterations):
        A = solver(C @ C.T, torch.where(there, C @ film.T, -torch.inf), alpha, A)
        error = float((film - A.T @ C).square().sum())
        if last - error <= tolerance * max(error, TINY):
            break
        last = error
        A, C = in_time(A, C, film, lasts)
    error = float((film - A.T @ C).square().sum())
    done = [replace(piece, values=A[k, where[k]], course=C[k, piece.first - start : piece.last - start]) for k, piece in enumerate(group)]
    return done, 0.5 * (error - energy) + float(alpha @ A.sum(dim=1))


def in_time(A: Tensor, C: Tensor, film: Tensor, lasts: Tensor) -> tuple[Tensor, Tensor]:
    """Each course in turn: least squares while its event lasts, no longer than 1; what is shorter is made 1, and its footprint smaller."""
    shared, seen = A @ A.T, A @ film
    C, scale = C.clone(), torch.ones(len(A), device=A.device)
    for k in torch.nonzero(shared.diagonal() > TINY)[:, 0].tolist():
        best = (C[k] + (seen[k] - shared[k] @ C) / shared[k, k]) * lasts[k]
        norm = best.norm()
        C[k] = best / norm.clamp_min(1.0)
        scale[k] = norm.clamp(TINY, 1.0)
    return A * scale[:, None], C / scale[:, None]
