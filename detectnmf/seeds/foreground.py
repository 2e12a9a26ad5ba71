"""What of a movie stands out of the background and is not explained yet, in the movie's own bases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detectnmf.background.coarse import projector
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.residual import usable
from detectnmf.enhance.base import Enhancer
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

RESTING = 0.2  # quantile of a pixel's course that counts as its resting level
SAMPLED = 256  # frames that tell it
FRAMES = 256  # enhanced at a time, at most


@dataclass(frozen=True)
class Foreground:
    """U V above each pixel's resting level, in units of noise.

    Args:
        U: (P, R). V: (R, T). rest: (P,) resting level.
        good: (P,) usable pixels. size: (Y, X). rate: Hz.
    """

    U: SparseMatrix
    V: Tensor
    rest: Tensor
    good: np.ndarray
    size: tuple[int, int]
    rate: float

    @classmethod
    def of(cls, movie: Compressed, V: Tensor, runtime: Runtime) -> Foreground:
        """The movie with other temporal bases."""
        some = V[:, :: max(1, V.shape[1] // SAMPLED)].contiguous()
        pixels = movie.size[0] * movie.size[1]
        rows = runtime.batch(some.shape[1] * 4 * 4)
        parts = [movie.U.rows(start, min(start + rows, pixels)) @ some for start in range(0, pixels, rows)]
        place = max(1, round(RESTING * some.shape[1]))
        rest = torch.cat([part.kthvalue(place, dim=1).values for part in parts])
        return cls(movie.U, V, rest, usable(movie), movie.size, movie.rate)

    def __len__(self) -> int:
        return int(self.V.shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, Y, X)."""
        return len(self), *self.size

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __getitem__(self, index: slice) -> np.ndarray:
        """(n, Y, X) dense frames, so that it can be enhanced as a recording is."""
        return self.frames(index).T.reshape(-1, *self.size).cpu().numpy()

    def frames(self, index: slice | Tensor) -> Tensor:
        """(P, n) dense frames."""
        return (self.U @ self.V[:, index].contiguous()).sub_(self.rest[:, None])

    def traces(self, pixels: np.ndarray) -> Tensor:
        """(n, T) of some pixels."""
        chosen = torch.from_numpy(np.asarray(pixels, np.int64)).to(self.V.device)
        return (SparseMatrix(self.U.csr[pixels], self.V.device) @ self.V).sub_(self.rest[chosen][:, None])


def foreground(movie: Compressed, model: Model, enhance: Enhancer | None, diameter: float, runtime: Runtime) -> Foreground:
    """What the model leaves of the movie, enhanced frame by frame and put into the movie's bases again.

    Enhancing denoised frames above rest takes away what is wide and leaves no edges of what does not move.

    Raises:
        UserError: the enhancer's structuring element does not fit into the frame.
    """
    onto = projector(movie)
    V = movie.V - model.B
    if len(model):
        V -= SparseMatrix(onto.csr @ model.A.csr, movie.device) @ model.C
    plain = Foreground.of(movie, V, runtime)
    if enhance is None:
        return plain
    enhanced = enhance(Recording(plain, rate=movie.rate, name=movie.name), diameter, runtime)
    V = torch.empty_like(V)
    step = runtime.batch(len(plain.rest) * 4 * 4, most=FRAMES)
    for start in runtime.progress(range(0, len(plain), step), "enhance"):
        piece = slice(start, min(start + step, len(plain)))
        V[:, piece] = onto @ torch.from_numpy(enhanced[piece].reshape(piece.stop - start, -1).T.copy()).to(V.device)
    return Foreground.of(movie, V, runtime)
