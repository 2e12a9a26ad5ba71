"""`Grid`: a compressed movie as the courses of small squares of pixels, each with white noise of variance 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.compress.means import squares
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.residual import usable
from detectnmf.sparse import SparseMatrix

ACROSS = 5  # squares across an event
LEAST_NOISE = 0.35  # that is left in a denoised movie, in units of the recording's


@dataclass(frozen=True)
class Grid:
    """Squares of `edge` pixels; one that holds no usable pixel is not there.

    Args:
        basis: (P, G) orthonormal: each usable pixel's square.
        place: (G, 2) row and column of each square among the squares.
        shape: rows and columns of squares that cover the frame.
        noise: (G,) of each square's course where the movie's is not white noise of variance 1, as when it was denoised.
        edge: px.
    """

    basis: sparse.csr_array
    place: np.ndarray
    shape: tuple[int, int]
    noise: np.ndarray
    edge: int

    @classmethod
    def of(cls, movie: Compressed, diameter: float) -> Grid:
        """The movie's own squares, where it is made of such; else as wide as a fifth of an event."""
        good = usable(movie)
        own = own_edge(movie)
        edge = max(1, round(diameter / ACROSS)) if own is None else own
        basis = squares(movie.size, edge, good)
        columns = sparse.csc_array(basis)
        first = columns.indices[columns.indptr[:-1]] if columns.shape[1] else np.zeros(0, int)
        place = np.stack([first // movie.size[1] // edge, first % movie.size[1] // edge], axis=1)
        shape = (-(-movie.size[0] // edge), -(-movie.size[1] // edge))
        grid = cls(basis, place, shape, np.ones(basis.shape[1], np.float32), edge)
        if own is not None or not len(place):
            return grid
        return cls(basis, place, shape, np.maximum(flicker(grid.courses(movie)), LEAST_NOISE), edge)

    def __len__(self) -> int:
        return int(self.basis.shape[1])

    @cached_property
    def index(self) -> np.ndarray:
        """(rows, columns) number of the square at each place; -1 where there is none."""
        index = np.full(self.shape, -1)
        index[tuple(self.place.T)] = np.arange(len(self))
        return index

    def courses(self, movie: Compressed, model: Model | None = None) -> Tensor:
        """(G, T) of the movie, without what a model explains, in units of each square's noise."""
        shared = sparse.csr_array(self.basis.T @ movie.U.csr)
        V = movie.V if model is None else movie.V - model.B
        found = SparseMatrix(shared, movie.device) @ V
        if model is not None:
            if len(model):
                found -= SparseMatrix(sparse.csr_array(self.basis.T @ model.A.csr), movie.device) @ model.C
            found -= torch.from_numpy(self.basis.T @ model.b.cpu().numpy()).to(movie.device)[:, None]
        return found / torch.from_numpy(self.noise).to(movie.device)[:, None]

    def footprints(self, coarse: sparse.csc_array) -> sparse.csc_array:
        """(G, K) in units of the squares' noise -> (P, K) in units of the pixels'."""
        return sparse.csc_array(self.basis @ sparse.diags_array(self.noise) @ coarse)

    def coarse(self, footprints: sparse.sparray) -> sparse.csc_array:
        """(P, K) -> (G, K), the way back."""
        return sparse.csc_array(sparse.diags_array(1 / self.noise) @ self.basis.T @ footprints)

    def images(self, courses: np.ndarray) -> np.ndarray:
        """(G, ...) -> (rows, columns, ...), 0 where there is no square."""
        image = np.zeros((*self.shape, *courses.shape[1:]), courses.dtype)
        image[tuple(self.place.T)] = courses
        return image


def own_edge(movie: Compressed) -> int | None:
    """px, of the squares that the movie is made of; None if it is made otherwise."""
    if not movie.rank or np.diff(movie.U.csr.indptr).max(initial=0) > 1:
        return None
    columns = sparse.csc_array(movie.U.csr)
    pixels = np.diff(columns.indptr)
    edge = 1
    for column in np.argsort(-pixels, kind="stable")[:8]:  # whole squares: those at the border may be cut
        mine = columns.indices[columns.indptr[column] : columns.indptr[column + 1]]
        rows, places = np.divmod(mine, movie.size[1])
        edge = max(edge, int(np.ptp(rows)) + 1, int(np.ptp(places)) + 1)
    same = squares(movie.size, edge, usable(movie))
    return edge if same.shape == movie.U.shape and abs(same - movie.U.csr).max() < 1e-5 else None


def flicker(courses: Tensor) -> np.ndarray:
    """(G,) noise level from the differences of neighbouring frames."""
    step = (courses[:, 1:] - courses[:, :-1]).abs().median(dim=1).values
    return np.asarray((step * (1.4826 / 2**0.5)).cpu().numpy(), np.float32)
