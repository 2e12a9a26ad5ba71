"""A streaming principal component analysis of all blocks at once.

Each block keeps L weighted directions S with S Sᵀ ≈ Y Yᵀ of all frames so far. A new chunk Y is appended and [S, Y] is cut back to its
L strongest directions by subspace iteration (Halko 2011, with power iterations, which cost no further reading). As in frequent
directions (Liberty 2013), nothing is lost that stands above the noise, however long the movie is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from detectnmf.runtime import Runtime

POWER = 2


class Sketch:
    """(N, n, L) running directions of N blocks of n pixels.

    Args:
        index: (N, n) pixels of each block.
        columns: L, directions kept.
    """

    def __init__(self, index: Tensor, columns: int, runtime: Runtime) -> None:
        self.index, self.runtime = index, runtime
        self.directions = torch.zeros(*index.shape, columns, device=index.device)
        self.generator = torch.Generator().manual_seed(runtime.seed)

    def add(self, frames: Tensor) -> None:
        """Frames (t, P) in units of noise, centred."""
        if not len(frames):
            return
        columns = self.directions.shape[-1]
        pixels = frames.T.contiguous()
        start = torch.randn(columns + len(frames), columns, generator=self.generator).to(frames.device)
        each = 4 * self.index.shape[1] * (columns + len(frames)) * 3
        step = self.runtime.batch(each, most=64)
        for first in range(0, len(self.index), step):
            part = slice(first, first + step)
            both = torch.cat([self.directions[part], pixels[self.index[part]]], dim=-1)
            self.directions[part] = strongest(both, start)

    def basis(self, rescale: Tensor) -> Tensor:
        """(N, n, L) orthonormal bases, after each pixel (P,) was multiplied by `rescale`; zero where that is zero."""
        weight = rescale[self.index].unsqueeze(-1)
        return torch.linalg.qr(self.directions * weight)[0] * (weight > 0)


def strongest(data: Tensor, start: Tensor) -> Tensor:
    """(N, n, t) -> (N, n, L): weighted directions whose outer product is the best approximation of data dataᵀ.

    Args:
        start: (t, L) random.
    """
    Q = torch.linalg.qr(data @ start)[0]
    for _ in range(POWER):
        Q = torch.linalg.qr(data @ (data.mT @ Q))[0]
    inside = Q.mT @ data
    energy, rotation = torch.linalg.eigh(inside @ inside.mT)
    return (Q @ rotation) * energy.clamp(min=0).sqrt().unsqueeze(-2)
