"""What the network sees of a frame: the sparsened frame, the ones before and after, the denoised frame, and the local correlation.

A single sparsened frame does not tell a cell from a patch of noise that happens to be round, nor one cell from two that start together;
the frames around it and the whole movie do (maskNMF names more temporal context as what is left to try).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.detect.select import Selection, crop
from detectnmf.runtime import Runtime

FLOOR = 0.15  # noise units added to each pixel's standard deviation, so that silence does not correlate
NEAR = ((0, 1), (1, 0), (1, 1), (1, -1))  # half of the eight neighbours


@dataclass(frozen=True)
class Views:
    """Both movies and what is the same in every frame.

    Args:
        clear: the sparsened movie. denoised: the compressed one.
        correlation: (Y, X) mean correlation of each pixel with its eight neighbours in the sparsened movie.
    """

    clear: Compressed
    denoised: Compressed
    correlation: Tensor

    @classmethod
    def of(cls, clear: Compressed, denoised: Compressed, runtime: Runtime) -> Views:
        return cls(clear, denoised, local_correlation(clear, runtime))

    def tile(self, selection: Selection, tile: int, frames: np.ndarray) -> Tensor:
        """(n, 5, edge, edge) of the chosen frames of one tile: now, before, after, denoised (units of noise), correlation."""
        top, left = selection.corners[tile].tolist()
        rows, columns = self.clear.size
        first, last = max(top, 0), min(top + selection.edge, rows)
        around = [np.clip(frames + shift, 0, len(self.clear) - 1) for shift in (0, -1, 1)]
        needed, at = np.unique(np.concatenate(around), return_inverse=True)
        band = self._band(self.clear, first, last, needed)[torch.as_tensor(at, device=self.clear.device)]
        now, before, after = band.reshape(3, len(frames), last - first, columns)
        denoised = self._band(self.denoised, first, last, frames)
        always = self.correlation[first:last].expand(len(frames), -1, -1)
        planes = torch.stack([now, before, after, denoised, always], 1).flatten(0, 1)
        return crop(planes, top - first, left, selection.edge).reshape(len(frames), -1, selection.edge, selection.edge)

    @staticmethod
    def _band(movie: Compressed, first: int, last: int, frames: np.ndarray) -> Tensor:
        columns = movie.size[1]
        part = movie.U.rows(first * columns, last * columns)
        dense: Tensor = part @ movie.V[:, torch.as_tensor(frames, device=movie.device)].contiguous()
        return dense.T.reshape(len(frames), last - first, columns)


def local_correlation(movie: Compressed, runtime: Runtime) -> Tensor:
    """(Y, X) mean correlation with the neighbours about 0, `FLOOR`² added to each variance; streamed over time."""
    rows, columns = movie.size
    power = torch.zeros(rows, columns, device=movie.device)
    shared = torch.zeros(len(NEAR), rows, columns, device=movie.device)
    pairs = [_pair(rows, columns, dy, dx) for dy, dx in NEAR]
    step = runtime.batch(rows * columns * 4 * 4, most=500)
    for start in runtime.progress(range(0, len(movie), step), "correlate"):
        frames = movie.frames(slice(start, start + step)).T.reshape(-1, rows, columns).clamp(min=0)
        power += torch.einsum("tyx,tyx->yx", frames, frames)
        for at, (here, there) in enumerate(pairs):
            shared[at][here] += torch.einsum("tyx,tyx->yx", frames[:, *here], frames[:, *there])
    spread = (power / len(movie) + FLOOR**2).sqrt()
    total, count = torch.zeros_like(power), torch.zeros_like(power)
    for at, (here, there) in enumerate(pairs):
        value = shared[at][here] / len(movie) / (spread[here] * spread[there])
        for side in (here, there):
            total[side] += value
            count[side] += 1
    return total / count.clamp(min=1)


def _pair(rows: int, columns: int, dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the pixels that have a neighbour at (dy >= 0, dx), and of those neighbours."""
    here = slice(0, max(rows - dy, 0)), slice(max(0, -dx), columns - max(0, dx))
    there = slice(min(dy, rows), rows), slice(max(0, dx), columns + min(0, dx))
    return here, there
