"""Pictures of the denoised movie, of the parts that explain it and of what is left: one pass over time, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.result import DemixResult
from detectnmf.sparse import SparseMatrix

CHUNK_BYTES = 2**24  # of a piece of the movie
MOST_VALUES = 2**28  # pixels times frames that are looked at; more would change no picture


@dataclass(frozen=True)
class Pictures:
    """Summary images (Y, X); energies are variances over time in units of noise.

    Args:
        mean, maximum: of the denoised movie, recording's units.
        rise: how far the maximum stands above the mean, in units of noise.
        correlation: mean correlation of a pixel with its neighbours.
        before: energy of the denoised movie. cells, background: of each part. after: of the residual.
        frames: how many frames were looked at, evenly spread.
    """

    mean: np.ndarray
    maximum: np.ndarray
    rise: np.ndarray
    correlation: np.ndarray
    before: np.ndarray
    cells: np.ndarray
    background: np.ndarray
    after: np.ndarray
    frames: int

    def share(self, part: np.ndarray) -> float:
        """A part's energy as a share of the movie's; 0 for a still movie."""
        whole = float(self.before.sum())
        return float(part.sum()) / whole if whole > 0 else 0.0


def summarise(result: DemixResult, most_values: int = MOST_VALUES, floor: float = 0.5) -> Pictures:
    """All pictures of a result that holds its movie.

    Args:
        most_values: of a movie with more pixels times frames, evenly spread frames are looked at, 200 at least.
        floor: noise (units of noise) that is added to each pixel's variance in the correlation, so that pixels in which nothing
            happens do not correlate by the little that denoising left in them.
    """
    movie, background, cells = result.movie, result.background, result.cells
    if movie is None:
        raise ValueError("pictures need the compressed movie; this result holds none")
    rows, columns = movie.size
    frames = max(200, most_values // (rows * columns))
    chosen = torch.arange(0, len(movie), -(-len(movie) // frames), device=movie.device)
    per_noise = sparse.diags_array(1 / np.maximum(movie.std.ravel(), 1e-12))
    footprints = SparseMatrix(per_noise @ cells.footprints, movie.device)
    haze = SparseMatrix(per_noise @ sparse.diags_array(background.std.ravel()) @ background.U.csr, movie.device)
    traces = torch.zeros((0, len(movie))) if cells.traces is None or not len(cells) else torch.as_tensor(cells.traces, dtype=torch.float32)

    moments = {name: _Moments(rows * columns, movie.device) for name in ("before", "cells", "background", "after")}
    neighbours = _Neighbours(rows, columns, movie.device)
    maximum = torch.full((rows * columns,), -torch.inf, device=movie.device)
    for piece in torch.split(chosen, max(1, CHUNK_BYTES // (4 * rows * columns))):
        whole = movie.U @ movie.V[:, piece].contiguous()
        mine = footprints @ traces[:, piece.cpu()].contiguous().to(movie.device) if len(traces) else torch.zeros_like(whole)
        rest = haze @ background.V[:, piece.to(background.device)].contiguous().to(movie.device)
        for name, part in (("before", whole), ("cells", mine), ("background", rest), ("after", whole - mine - rest)):
            moments[name].add(part)
        neighbours.add(whole)
        maximum = torch.maximum(maximum, whole.max(dim=1).values)
    energy = {name: moment.variance().reshape(rows, columns).cpu().numpy() for name, moment in moments.items()}
    rise = maximum.reshape(rows, columns).cpu().numpy()
    return Pictures(
        mean=movie.mean,
        maximum=movie.mean + movie.std * rise,
        rise=rise,
        correlation=neighbours.correlation(moments["before"], floor).cpu().numpy(),
        frames=len(chosen),
        **energy,
    )


class _Moments:
    """Running sums of each pixel."""

    def __init__(self, pixels: int, device: torch.device) -> None:
        self.count = 0
        self.first = torch.zeros(pixels, dtype=torch.float64, device=device)
        self.second = torch.zeros_like(self.first)

    def add(self, piece: Tensor) -> None:  # (P, n)
        self.count += piece.shape[1]
        self.first += piece.sum(dim=1)
        self.second += torch.linalg.vector_norm(piece, dim=1).double() ** 2

    def mean(self) -> Tensor:
        return self.first / self.count

    def variance(self) -> Tensor:
        return (self.second / self.count - self.mean() ** 2).clamp_min(0)


class _Neighbours:
    """Running products of each pixel with the neighbours below and to the right."""

    def __init__(self, rows: int, columns: int, device: torch.device) -> None:
        self.size = rows, columns
        self.sums = [torch.zeros(_cut(torch.zeros(self.size), axis)[0].shape, dtype=torch.float64, device=device) for axis in (0, 1)]

    def add(self, piece: Tensor) -> None:  # (P, n)
        movie = piece.reshape(*self.size, -1)
        for axis, total in enumerate(self.sums):
            total += torch.linalg.vecdot(*_cut(movie, axis))

    def correlation(self, moments: _Moments, floor: float) -> Tensor:
        """(Y, X) mean over a pixel's neighbours."""
        mean, power = moments.mean().reshape(self.size), (moments.variance() + floor**2).reshape(self.size)
        total, count = torch.zeros_like(mean), torch.zeros_like(mean)
        for axis, products in enumerate(self.sums):
            (mean_one, mean_other), (one, other) = _cut(mean, axis), _cut(power, axis)
            value = (products / moments.count - mean_one * mean_other) / (one * other).sqrt()
            for target, amount in ((total, value), (count, torch.ones_like(value))):
                for view in _cut(target, axis):
                    view += amount
        return total / count.clamp_min(1)


def _cut(image: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The two parts of an image (Y, X, ...) that lie on each other when it is shifted by a pixel."""
    return image.narrow(axis, 1, image.shape[axis] - 1), image.narrow(axis, 0, image.shape[axis] - 1)
