"""Penalised matrix decomposition (Buchanan 2018; maskNMF, "Compression and Denoising") in two streaming passes.

The first pass finds a basis of every block; the second gives every block's time courses. The disk is read twice, whatever the
number of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detectnmf.compress.basis import bases
from detectnmf.compress.blocks import Blocks, blend
from detectnmf.compress.moments import Averages, Moments, first_pass
from detectnmf.compress.project import interpolate, second_pass
from detectnmf.compress.rank import Smoothness
from detectnmf.compress.sketch import Sketch
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

FEWEST_BINS = 64  # averaged frames that should be left of a short movie
STORE = 512  # averaged frames gathered before the directions are brought up to date


@dataclass(frozen=True)
class PMD:
    """Blockwise adaptive low-rank compression in units of noise.

    The bases are found in averages over time and space, in which weak cells stand out, and freed of noise; the movie is then
    projected on them at its full rate and resolution.

    Args:
        block: edge of the overlapping blocks (px), at least a soma across.
        max_rank: most components per block.
        oversample: further directions kept while streaming.
        average: frames averaged for finding the bases: 1, 2, 4 or 8; fewer in short movies, and where they would last longer than
        longest: (s).
        pool: edge of the squares of pixels in which directions are compared (px).
        denoise: what a basis' local cosine coefficients must exceed (units of noise); 0 leaves its noise.
        percentile: of white noise (%) that counts as smooth by chance; a component must be smoother, in time and in space.
    """

    block: int = 32
    max_rank: int = 40
    oversample: int = 10
    average: int = 4
    longest: float = 0.8
    pool: int = 2
    denoise: float = 2.7
    percentile: float = 0.1

    def __post_init__(self) -> None:
        for name, least in (("block", 4), ("max_rank", 1), ("oversample", 0), ("pool", 1), ("denoise", 0), ("longest", 0)):
            if not least <= getattr(self, name) < np.inf:
                raise UserError(f"compress.{name} must be at least {least}, got {getattr(self, name)}")
        if self.average not in (1, 2, 4, 8):
            raise UserError(f"compress.average must be 1, 2, 4 or 8 frames, got {self.average}")
        if not 0 < self.percentile < 100:
            raise UserError(f"compress.percentile must be between 0 and 100, got {self.percentile}")

    def __call__(self, recording: Recording, runtime: Runtime) -> Compressed:
        """Compress a recording; missing samples, bad frames and bad pixels are masked, never filled with zeros."""
        blocks = Blocks.cover(recording.size, self.block)
        inside, pixels, frames = blocks.block[0] * blocks.block[1], recording.size[0] * recording.size[1], len(recording)
        average = self.average
        while average > 1 and (frames < FEWEST_BINS * average or average > self.longest * recording.rate):
            average //= 2
        squares = -(-blocks.block[0] // self.pool) * -(-blocks.block[1] // self.pool)
        smooth = Smoothness(self.percentile, average, squares * average / frames)
        sketch = Sketch(blocks, max(1, min(self.max_rank + self.oversample, inside, frames // average - 2)), self.pool, runtime)
        step = runtime.batch(4 * pixels * 4, most=128)
        store = runtime.batch(4 * pixels * 2, most=min(STORE, -(-frames // average)))
        moments = first_pass(recording, sketch, Averages(pixels, average, store, runtime.torch_device), step, runtime)
        Q, image = bases(moments, sketch.index, blocks.block, self.pool, self.denoise, smooth, runtime)
        coefficients = second_pass(recording, moments, Q, sketch.index, step, runtime)
        return self._assemble(recording, moments, blocks, Q, image, coefficients, smooth, runtime)

    def _assemble(
        self,
        recording: Recording,
        moments: Moments,
        blocks: Blocks,
        Q: Tensor,
        image: Tensor,
        coefficients: np.ndarray,
        smooth: Smoothness,
        runtime: Runtime,
    ) -> Compressed:
        """Choose each block's components and put them into one sparse U and one V."""
        device = Q.device
        used = Q.square().sum(1) > 0  # (N, M); as many as there are rows of coefficients
        good = torch.from_numpy(~moments.bad_frames).to(device)
        found, courses = [], []
        step = runtime.batch(4 * len(recording) * 8, most=256)
        for start in range(0, len(coefficients), step):
            part = torch.from_numpy(np.ascontiguousarray(coefficients[start : start + step])).to(device)
            keep = smooth.keeps(part[:, good], image[used][start : start + step])
            found.append(keep)
            courses.append(part[keep])
        kept = torch.zeros_like(used)
        kept[used] = torch.cat(found) if found else torch.zeros(0, dtype=torch.bool, device=device)
        few = kept & (kept.cumsum(-1) <= self.max_rank)
        V = torch.cat(courses)[few[kept]] if found else torch.zeros(0, len(recording), device=device)
        if moments.bad_frames.any():
            V = interpolate(V, moments.bad_frames)
        rank = few.sum(-1).cpu().numpy()
        U_local, U = blend(blocks, rank, Q.mT[few].cpu().numpy())
        return Compressed(
            U=SparseMatrix(U, device),
            V=V,
            mean=moments.mean.cpu().numpy().reshape(recording.size),
            std=moments.std.cpu().numpy().reshape(recording.size),
            U_local=SparseMatrix(U_local, device),
            bad_frames=moments.bad_frames,
            bad_pixels=moments.bad_pixels.cpu().numpy().reshape(recording.size),
            rank_map=blocks.largest(rank),
            rate=recording.rate,
            pixel_size=recording.pixel_size,
            missing=moments.missing,
            name=recording.name,
        )
