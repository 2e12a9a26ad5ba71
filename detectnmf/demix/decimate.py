"""A compressed movie, its model and its seeds on fewer frames and pixels, and the way back (Friedrich 2017, Algorithm 1).

Means over squares of pixels and runs of frames keep more of the signal than every k-th frame would. All of it happens in the factors:
means over time of V, means over pixels of U. The coarse movie is again in units of its own noise, smaller by the root of what was averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.components import Components
from detectnmf.compressed import Compressed, is_nothing
from detectnmf.demix.model import Light, Model
from detectnmf.demix.residual import usable
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class Coarse:
    """The coarse movie beside the fine one.

    Args:
        fine, movie: the movie as it was, and the coarse one (T', Y', X').
        frames: averaged into one; what is left at the end is left out.
        down: (Q, P) from images to coarse ones, both in units of noise. up: (P, Q) back, each square of one value (zero-order hold).
        written_out: the coarse movie has its pixels as bases, since it has fewer of them than bases.
    """

    fine: Compressed
    movie: Compressed
    frames: int
    down: sparse.csr_array
    up: sparse.csr_array
    written_out: bool

    @classmethod
    def of(cls, movie: Compressed, frames: int, pixels: int) -> Coarse:
        """Means over `frames` frames and squares of `pixels` by `pixels` px; bad frames and pixels do not count."""
        squares, size = _squares(movie, pixels)
        count = np.maximum(np.asarray(squares.sum(axis=1)).ravel(), 1)
        std = movie.std.ravel().astype(np.float64)
        spread = np.sqrt(squares @ std**2) / count / np.sqrt(frames)
        good = np.asarray(squares.sum(axis=1)).ravel() > 0
        spread = np.where(good, spread, 1.0)
        down = sparse.csr_array(sparse.diags_array(1 / (spread * count)) @ squares @ sparse.diags_array(std))
        up = sparse.csr_array(sparse.diags_array(1 / std) @ squares.T @ sparse.diags_array(spread))
        V = means(movie.V, frames, movie.bad_frames)
        if movie.bad_frames is None or not movie.bad_frames.any():
            rest = movie.V[:, V.shape[1] * frames :].sum(dim=1)
            movie.know_level((frames * V.sum(dim=1) + rest) / len(movie))
        written_out = movie.rank > len(count)
        if written_out:
            U = local = sparse.csr_array(sparse.diags_array(good.astype(np.float32)))[:, np.flatnonzero(good)]
            V = (SparseMatrix(down @ movie.U.csr, movie.device) @ V)[torch.from_numpy(np.flatnonzero(good)).to(V.device)]
        else:
            U = sparse.csr_array(down @ movie.U.csr)
            local = None if movie.U_local is None else sparse.csr_array(up.T @ movie.U_local.csr)
        bad = movie.bad_frames
        coarse = Compressed(
            U=SparseMatrix(U, movie.device),
            V=V,
            mean=(squares @ movie.mean.ravel() / count).astype(np.float32).reshape(size),
            std=spread.astype(np.float32).reshape(size),
            U_local=None if local is None else SparseMatrix(local, movie.device),
            bad_frames=None if bad is None else np.asarray(bad[: V.shape[1] * frames].reshape(-1, frames).all(axis=1)),
            bad_pixels=~good.reshape(size),
            rate=movie.rate / frames,
            pixel_size=movie.pixel_size * pixels,
            name=movie.name,
        )
        return cls(movie, coarse, frames, down, up, written_out)

    def model(self, model: Model) -> Model:
        """The same cells and background on the coarse movie."""
        B = self.movie.nothing() if is_nothing(model.B) else means(model.B, self.frames, self.fine.bad_frames)
        if self.written_out and not is_nothing(B):
            rows = torch.from_numpy(np.flatnonzero(np.diff(self.movie.U.csr.indptr))).to(B.device)
            B = (SparseMatrix(self.down @ self.fine.U.csr, B.device) @ B)[rows]
        C = means(model.C, self.frames, self.fine.bad_frames)
        A, b = SparseMatrix(self.down @ model.A.csr, C.device), SparseMatrix(self.down, C.device) @ model.b
        return Model(A, C, b, B, model.score)

    def seeds(self, seeds: Components) -> Components:
        """The same seeds; a pixel that belongs to one makes its square belong to it."""
        return Components(sparse.csc_array(self.down @ seeds.footprints), self.movie.size, None, seeds.score)

    def back(self, model: Model) -> Model:
        """A model of the coarse movie on the fine one: each square and each run of frames of one value."""
        A, up = SparseMatrix(self._spread(model.A.csr), model.C.device), SparseMatrix(self.up, model.C.device)
        light, b = model.light and Light(up @ model.light.image, self.held(model.light.course[None])[0]), up @ model.b
        return Model(A, self.held(model.C), b, self._background(model.B), model.score, light)

    def _spread(self, A: sparse.csr_array) -> sparse.csr_array:
        """(P, K) footprints whose squares have the values of (Q, K) ones; explicit zeros, places where they may grow, stay."""
        taken = sparse.csr_array(A[self.up.indices])  # of each usable pixel, the one square that it lies in
        held = np.diff(taken.indptr)
        length = np.zeros(self.up.shape[0], np.int64)
        length[np.diff(self.up.indptr) > 0] = held
        indptr = np.concatenate([[0], np.cumsum(length)])
        return sparse.csr_array((taken.data * np.repeat(self.up.data, held), taken.indices, indptr), shape=(len(length), A.shape[1]))

    def held(self, courses: Tensor) -> Tensor:
        """(n, T) from (n, T'): each value for as long as it stands for, the last one to the end."""
        long = courses.repeat_interleave(self.frames, dim=1)
        rest = len(self.fine) - long.shape[1]
        return torch.cat([long, long[:, -1:].expand(-1, rest)], dim=1) if rest else long

    def _background(self, B: Tensor) -> Tensor:
        """(R, T) coefficients in the fine bases."""
        if is_nothing(B):
            return self.fine.nothing()
        if self.written_out:
            assert self.fine.U_local is not None
            B = SparseMatrix(self.fine.U_local.csr.T @ self.up @ self.movie.U.csr, B.device) @ B
        return self.held(B)


def means(x: Tensor, frames: int, bad: np.ndarray | None) -> Tensor:
    """(n, T // frames) means over runs of frames of (n, T), the bad ones left out where there are others."""
    count = x.shape[1] // frames
    if frames == 1:
        return x
    runs = x[:, : count * frames].unflatten(1, (count, frames))
    if bad is None or not bad.any():
        return runs @ torch.full((frames,), 1 / frames, device=x.device)  # faster than a mean over the last axis
    good = ~bad[: count * frames].reshape(count, frames)
    weight = torch.from_numpy(np.where(good.any(axis=1, keepdims=True), good, True).astype(np.float32)).to(x.device)
    return torch.einsum("ntk,tk->nt", runs, weight / weight.sum(dim=1, keepdim=True))


def _squares(movie: Compressed, pixels: int) -> tuple[sparse.csr_array, tuple[int, int]]:
    """(Q, P) sums over the usable pixels of each square, and the size of the coarse image."""
    size = tuple(-(-edge // pixels) for edge in movie.size)
    row, column = np.divmod(np.arange(movie.size[0] * movie.size[1]), movie.size[1])
    place = row // pixels * size[1] + column // pixels
    good = np.flatnonzero(usable(movie))
    shape = (size[0] * size[1], len(place))
    return sparse.csr_array((np.ones(len(good)), (place[good], good)), shape=shape), (size[0], size[1])
