"""A streaming principal component analysis of all blocks at once.

Each block keeps L weighted directions S with S Sᵀ ≈ Y Yᵀ of all averaged frames so far. New frames Y are appended and [S, Y] is
cut back to the L directions that are strongest in pooled pixels: W, the strongest eigenvectors of the pooled [S, Y], gives the
right-hand directions R, and [S, Y] R is S again, at full resolution. As in frequent directions (Liberty 2013), nothing is lost that
stands above the noise, however long the movie is. Rows of R are orthonormal, so that the noise in S stays that of a single sample.
Means are followed as in incremental principal component analysis (Ross 2008): S describes deviations from the mean of all frames.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from detectnmf.compress.blocks import Blocks
from detectnmf.runtime import Runtime
from detectnmf.threads import one_thread

GROUP_BYTES = 16 * 2**20  # gathered pixels of the blocks handled at once on a CPU: stays in the cache


class Sketch:
    """(N, n, L) running directions of N blocks of n pixels.

    Args:
        columns: L, directions kept.
        pool: edge of the groups of pixels in which directions are compared.
    """

    def __init__(self, blocks: Blocks, columns: int, pool: int, runtime: Runtime) -> None:
        self.device = runtime.torch_device
        self.index = torch.from_numpy(blocks.pixels()).to(self.device)
        self.block, self.pool, self.runtime = blocks.block, pool, runtime
        self.directions = torch.zeros(*self.index.shape, columns, device=self.device)
        self.mean: Tensor | None = None
        self.frames = 0

    def add(self, pixels: Tensor) -> None:
        """Averaged frames (P, t) in units of noise; they are changed."""
        new = pixels.shape[1]
        if not new:
            return
        mean = pixels.mean(1, keepdim=True)
        pixels -= mean
        if self.mean is None:
            self.mean = mean
        else:  # what is between the means of the earlier and of the new frames
            between = mean - self.mean
            pixels = torch.cat([pixels, between * (new * self.frames / (new + self.frames)) ** 0.5], dim=1)
            self.mean = self.mean + between * (new / (new + self.frames))
        self.frames += new
        each = 4 * self.index.shape[1] * (2 * self.directions.shape[-1] + 3 * pixels.shape[1])
        step = self.runtime.batch(each, most=max(1, GROUP_BYTES // each) if self.device.type == "cpu" else 64)

        def renew(part: slice) -> None:
            both = torch.cat([self.directions[part], pixels[self.index[part]]], dim=-1)
            self.directions[part] = strongest(both, pooled(both, self.block, self.pool), self.directions.shape[-1])

        self.runtime.in_batches(len(self.index), step, renew)

    def rescaled(self, factor: Tensor) -> Tensor:
        """(N, n, L) the directions after each pixel (P,) was multiplied by `factor`."""
        return self.directions * factor[self.index][..., None]


def pooled(data: Tensor, block: tuple[int, int], pool: int) -> Tensor:
    """(N, h·w, t) -> (N, q, t): sums over pool x pool pixels with the noise of one; groups at the far border may be smaller."""
    if pool == 1:
        return data
    spare = -block[0] % pool, -block[1] % pool
    images = data.unflatten(1, block)
    if any(spare):
        images = functional.pad(images, (0, 0, 0, spare[1], 0, spare[0]))
    rows = images[:, ::pool].clone()
    for k in range(1, pool):  # strided sums are several times faster than reductions over short dimensions
        rows += images[:, k::pool]
    total = rows[:, :, ::pool].clone()
    for k in range(1, pool):
        total += rows[:, :, k::pool]
    count = [torch.full((length,), float(pool), device=data.device) for length in total.shape[1:3]]
    for line, lacking in zip(count, spare, strict=True):
        line[-1] -= lacking
    return (total / torch.outer(*count).sqrt()[..., None]).flatten(1, 2)


def strongest(data: Tensor, coarse: Tensor, columns: int) -> Tensor:
    """(N, n, t) and the same pooled (N, q, t) -> (N, n, L): data on the L strongest right-hand directions of the pooled one."""
    tall = coarse.shape[1] > coarse.shape[2]
    gram = (coarse.mT @ coarse if tall else coarse @ coarse.mT).double()
    with one_thread():
        energy, W = torch.linalg.eigh(gram)
    energy, W = energy[:, -columns:].flip(-1).float(), W[..., -columns:].flip(-1).float()
    real = energy > 1e-5 * energy[:, :1]  # what is below is rounding
    if tall:
        right = W * real[:, None]
    else:
        right = coarse.mT @ W * torch.where(real, energy.clamp(min=1e-30).rsqrt(), 0.0)[:, None]
    return functional.pad(data @ right, (0, columns - right.shape[-1]))
