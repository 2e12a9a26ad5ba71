"""`Compressed`: a movie as mean + std·(U V), small enough to work on as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.sparse import SparseMatrix

Index = int | slice | np.ndarray | Tensor


@dataclass(frozen=True)
class Compressed:
    """A low-rank movie: frame t is mean + std · (U V)[:, t], in the recording's units.

    Args:
        U: (P, R) sparse, spatial bases blended over overlapping blocks, in units of noise.
        V: (R, T) float32, temporal bases; not orthonormal.
        mean: (Y, X) float32, recording's units.
        std: (Y, X) float32, noise level per pixel, recording's units; 1 at pixels without signal.
        U_local: (P, R) sparse, the unweighted orthonormal basis of each block; U·U_localᵀ projects a movie.
        bad_frames: (T,) True where V was interpolated because the frame is bad.
        bad_pixels: (Y, X) True where the pixel carries no usable signal (its row of U is zero).
        rank_map: (Y, X) number of components kept at each pixel's blocks; for pictures.
        missing: number of further samples that were missing and masked.
        rate: Hz. pixel_size: µm.
    """

    U: SparseMatrix
    V: Tensor
    mean: np.ndarray
    std: np.ndarray
    U_local: SparseMatrix | None = None
    bad_frames: np.ndarray | None = None
    bad_pixels: np.ndarray | None = None
    rank_map: np.ndarray | None = None
    missing: int = 0
    rate: float = 30.0
    pixel_size: float = 1.0
    name: str = "movie"

    @classmethod
    def from_factors(cls, spatial: np.ndarray | sparse.sparray, temporal: np.ndarray, mean: np.ndarray, **known: object) -> Compressed:
        """From plain factors (P, R) and (R, T) in the recording's units, with noise level 1."""
        V = torch.as_tensor(np.ascontiguousarray(temporal, dtype=np.float32))
        movie = cls(SparseMatrix(sparse.csr_array(spatial)), V, np.asarray(mean, np.float32), np.ones(mean.shape, np.float32))
        return replace(movie, **known)  # type: ignore[arg-type]

    @property
    def shape(self) -> tuple[int, int, int]:
        return int(self.V.shape[1]), *self.size

    @property
    def size(self) -> tuple[int, int]:
        rows, columns = self.mean.shape
        return int(rows), int(columns)

    @property
    def rank(self) -> int:
        return int(self.V.shape[0])

    @property
    def device(self) -> torch.device:
        return self.V.device

    @cached_property
    def level(self) -> Tensor:
        """(R,) mean over time of V."""
        return self.V.mean(dim=1)

    def know_level(self, level: Tensor) -> None:
        """Told `level` by who has it from a pass over V anyway, so that it takes no pass of its own."""
        vars(self).setdefault("level", level)

    def __len__(self) -> int:
        return self.shape[0]

    def to(self, device: torch.device | str) -> Compressed:
        local = None if self.U_local is None else self.U_local.to(device)
        return replace(self, U=self.U.to(device), V=self.V.to(device), U_local=local)

    def nothing(self) -> Tensor:
        """(R, T) zeros that take no memory; not to be changed in place."""
        return torch.zeros((), device=self.device).expand(self.V.shape)

    def with_V(self, V: Tensor) -> Compressed:
        """The same spatial bases, other temporal ones."""
        return replace(self, V=V)

    def frames(self, index: Index) -> Tensor:
        """Frames in units of noise, without the mean: (P, n) on the movie's device."""
        V = self.V[:, [index]] if isinstance(index, int) else self.V[:, index]
        return self.U @ V.contiguous()

    def __getitem__(self, index: Index | tuple[Index, ...]) -> np.ndarray:
        """Dense frames in the recording's units, as numpy would index a (T, Y, X) array."""
        time, *space = index if isinstance(index, tuple) else (index,)
        chosen = np.ascontiguousarray(np.atleast_1d(np.arange(len(self))[time]))
        dense = self.frames(torch.as_tensor(chosen, device=self.device)).T.cpu().numpy().reshape(-1, *self.size)
        movie = self.mean + self.std * dense
        return movie[(0 if isinstance(time, (int, np.integer)) else slice(None), *space)]


def is_nothing(B: Tensor) -> bool:
    """True for what `Compressed.nothing` gives, found without a look at its values; other zeros may be False."""
    return B.stride() == (0, 0) and (not B.numel() or float(B[0, 0]) == 0)
