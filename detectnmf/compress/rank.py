"""When to stop: a component is kept while it is smoother, in time and in space, than what white noise gives.

The thresholds depend on (block, frames, columns) alone; they are simulated once, seeded, and cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from detectnmf.compress.sketch import strongest

SIMULATED_FRAMES = 3000
SIMULATIONS = 32
TOP = 4


def temporal_roughness(V: Tensor) -> Tensor:
    """(..., T) -> (...): mean squared second difference over mean square; 6 for white noise, 0 for a slow signal.

    The squared form is used because rare transients dominate it; the absolute form sees mostly the noise between them.
    """
    bend = V[..., :-2] - 2 * V[..., 1:-1] + V[..., 2:]
    power = V.square().mean(-1)
    return torch.where(power > 1e-12, bend.square().mean(-1) / power, torch.inf)  # nothing at all counts as rough


def spatial_roughness(images: Tensor) -> Tensor:
    """(..., h, w) -> (...): mean absolute difference of neighbours in four directions over mean absolute value."""
    size = images.abs().mean((-2, -1)).clamp(min=1e-20)
    steps = [images[..., 1:, :] - images[..., :-1, :], images[..., 1:] - images[..., :-1]]
    if min(images.shape[-2:]) > 1:
        steps += [images[..., 1:, 1:] - images[..., :-1, :-1], images[..., 1:, :-1] - images[..., :-1, 1:]]
    total = sum(s.abs().sum((-2, -1)) for s in steps)
    return total / max(1, sum(s.shape[-1] * s.shape[-2] for s in steps)) / size


@dataclass(frozen=True)
class Thresholds:
    """A component is kept if its time course is smoother than `time` and its image smoother than `space`.

    A time course beyond `certain` is kept whatever its image, so that cells of one pixel are not lost.
    """

    time: float
    space: float
    certain: float

    def count(self, temporal: Tensor, spatial: Tensor) -> Tensor:
        """(N, L) statistics, strongest component first -> (N,) how many are kept: all before the first that fails."""
        keeps = (temporal < self.certain) | ((temporal < self.time) & (spatial < self.space))
        return keeps.to(torch.int64).cumprod(-1).sum(-1)


def decompose(Q: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate block bases Q (N, n, L) and coefficients B (N, L, T) so that components are sorted by energy."""
    _, rotation = torch.linalg.eigh(B @ B.mT)
    rotation = rotation.flip(-1)
    return Q @ rotation, rotation.mT @ B


@lru_cache(maxsize=32)
def thresholds(block: tuple[int, int], frames: int, columns: int, percentile: float, seed: int = 0) -> Thresholds:
    """Statistics of white noise that went through the very same sketch and decomposition."""
    generator = torch.Generator().manual_seed(seed)
    short = min(frames, SIMULATED_FRAMES)
    pixels = block[0] * block[1]
    columns = min(columns, pixels, short)
    start = torch.randn(short, columns, generator=generator)
    in_time, in_space = [], []
    for _ in range(SIMULATIONS):
        noise = torch.randn(pixels, short, generator=generator)
        Q = torch.linalg.qr(strongest(noise[None], start)[0])[0]
        U, V = decompose(Q[None], (Q.T @ noise)[None])
        in_time.append(temporal_roughness(V[0, :TOP]))
        in_space.append(spatial_roughness(U[0, :, :TOP].T.reshape(-1, *block)))
    time, space = torch.cat(in_time).double(), torch.cat(in_space).double()
    # The spread of the statistic shrinks as 1/sqrt(T); noise of a longer movie is scaled from the simulated length.
    time = 6 + (time - 6) * np.sqrt(short / frames)
    low = float(torch.quantile(time, percentile / 100))
    return Thresholds(low, float(torch.quantile(space, percentile / 100)), float(time.mean() - 8 * time.std()))
