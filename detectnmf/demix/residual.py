"""The residual movie, a few pixels at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.sparse import SparseMatrix


def usable(movie: Compressed) -> np.ndarray:
    """(P,) True where a pixel carries signal: it has a row in U and is not known to be bad."""
    found = np.diff(movie.U.csr.indptr) > 0
    return found if movie.bad_pixels is None else found & ~movie.bad_pixels.ravel()


def residual(movie: Compressed, model: Model, pixels: slice | np.ndarray) -> Tensor:
    """(n, T) of U (V − B) − A C − b at the chosen pixels, in units of noise."""
    U = movie.U.csr[pixels]
    near = np.unique(U.indices)  # V − B of a large field is large: take the bases that reach these pixels
    bases = torch.from_numpy(near.astype(np.int64)).to(movie.device)
    rest = SparseMatrix(U[:, near], movie.device) @ (movie.V[bases] - model.B[bases])
    if len(model):
        rest -= explained(model, pixels)
    chosen = pixels if isinstance(pixels, slice) else torch.from_numpy(pixels).to(movie.device)
    return rest.sub_(model.b[chosen][:, None])


def explained(model: Model, pixels: slice | np.ndarray) -> Tensor:
    """(n, T) of A C at the chosen pixels."""
    return SparseMatrix(model.A.csr[pixels], model.C.device) @ model.C


def bands(size: tuple[int, int], rows: int, halo: int) -> Iterator[tuple[slice, slice]]:
    """Rows of the image in bands: the band with its halo, and the band itself within it."""
    for start in range(0, size[0], rows):
        low, high = max(0, start - halo), min(size[0], start + rows + halo)
        yield slice(low, high), slice(start - low, min(start + rows, size[0]) - low)
