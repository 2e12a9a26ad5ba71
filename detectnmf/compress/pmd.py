"""Penalised matrix decomposition (Buchanan 2018; maskNMF, "Compression and Denoising") in two streaming passes.

The first pass keeps a running basis of every block; the second gives every block's time courses. The disk is read twice,
whatever the number of blocks.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.compress.blocks import Blocks
from detectnmf.compress.moments import Moments, first_pass, load_chunk
from detectnmf.compress.rank import decompose, spatial_roughness, temporal_roughness, thresholds
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

FEWEST_FRAMES = 4


@dataclass(frozen=True)
class PMD:
    """Blockwise adaptive low-rank compression in units of noise.

    Args:
        block: edge of the overlapping blocks (px), at least a soma across.
        max_rank: most components per block.
        oversample: further directions kept while streaming.
        percentile: a component must be smoother than this percentile (%) of white noise.
    """

    block: int = 24
    max_rank: int = 30
    oversample: int = 10
    percentile: float = 5.0

    def __post_init__(self) -> None:
        for name, least in (("block", 4), ("max_rank", 1), ("oversample", 0)):
            if getattr(self, name) < least:
                raise UserError(f"compress.{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.percentile < 100:
            raise UserError(f"compress.percentile must be between 0 and 100, got {self.percentile}")

    def __call__(self, recording: Recording, runtime: Runtime) -> Compressed:
        """Compress a recording; missing samples, bad frames and bad pixels are masked, never filled with zeros."""
        blocks = Blocks.cover(recording.size, self.block)
        inside = blocks.block[0] * blocks.block[1]
        columns = max(1, min(self.max_rank + self.oversample, inside, len(recording) - 2))
        index = torch.from_numpy(blocks.pixels()).to(runtime.torch_device)
        step = runtime.batch((3 * recording.size[0] * recording.size[1] + index.numel()) * 4, most=256)
        moments = first_pass(recording, index, columns, step, runtime)
        V = second_pass(recording, moments, index, step, runtime)
        return self._assemble(recording, moments, blocks, V, runtime)

    def _assemble(self, recording: Recording, moments: Moments, blocks: Blocks, coefficients: np.ndarray, runtime: Runtime) -> Compressed:
        """Choose each block's rank and put the kept components into one sparse U and one V."""
        Q, device = moments.basis, moments.basis.device
        good = torch.from_numpy(~moments.bad_frames).to(device)
        if good.sum() < FEWEST_FRAMES:
            good = torch.ones_like(good)  # second differences say nothing of so few; V is zero, and the rank comes out as 0
        limits = thresholds(blocks.block, int(good.sum()), Q.shape[-1], self.percentile)
        bases, courses, counts = [], [], []
        step = runtime.batch(coefficients[0].nbytes * 6, most=256)
        for start in range(0, len(blocks), step):
            piece = slice(start, start + step)
            part = torch.from_numpy(np.ascontiguousarray(coefficients[piece])).to(device)
            U, V = decompose(Q[piece], part)
            images = U.mT.reshape(*V.shape[:2], *blocks.block)
            count = limits.count(temporal_roughness(V[..., good]), spatial_roughness(images)).clamp(max=self.max_rank)
            keep = torch.arange(V.shape[1], device=device) < count[:, None]
            bases.append(U.mT[keep])
            courses.append(V[keep])
            counts.append(count)
        rank = torch.cat(counts).cpu().numpy()
        U_local, U = _blend(blocks, rank, torch.cat(bases).cpu().numpy())
        rank_map = np.zeros(recording.size, np.int32)
        for (row, column), count in zip(blocks.corners, rank, strict=True):
            area = rank_map[row : row + blocks.block[0], column : column + blocks.block[1]]
            np.maximum(area, count, out=area)
        V = torch.cat(courses)
        if moments.bad_frames.any():
            V = _interpolate(V, moments.bad_frames)
        return Compressed(
            U=SparseMatrix(U, device),
            V=V,
            mean=moments.mean.cpu().numpy().reshape(recording.size),
            std=moments.std.cpu().numpy().reshape(recording.size),
            U_local=SparseMatrix(U_local, device),
            bad_frames=moments.bad_frames,
            bad_pixels=moments.bad_pixels.cpu().numpy().reshape(recording.size),
            rank_map=rank_map,
            rate=recording.rate,
            pixel_size=recording.pixel_size,
            missing=moments.missing,
            name=recording.name,
        )


def second_pass(recording: Recording, moments: Moments, index: Tensor, step: int, runtime: Runtime) -> np.ndarray:
    """Coefficients (N, L, T) of every frame on every block's basis; on disk when they exceed the budget."""
    Q, device, frames = moments.basis, moments.basis.device, len(recording)
    out = _room((len(Q), Q.shape[-1], frames), runtime)
    QT = Q.mT.contiguous()

    def project(piece: slice) -> None:
        data, there = load_chunk(recording[piece], device)
        data = (data - moments.mean) / moments.std
        if there is not None:
            data = torch.where(there, data, 0.0)
        part = QT @ data.T[index]  # (N, L, n)
        if there is not None:
            good = torch.from_numpy(~moments.bad_frames[piece]).to(device)
            _refit_missing(part, Q, data, there | moments.bad_pixels, index, good)
        out[..., piece] = part.cpu().numpy()

    runtime.in_batches(frames, step, project, "compress 2/2")
    return out


def _refit_missing(part: Tensor, Q: Tensor, data: Tensor, there: Tensor, index: Tensor, good: Tensor) -> None:
    """Least squares on the samples that are there, for each block and frame with missing ones; in place."""
    gaps = (~there).T[index].any(1) & good  # (N, n)
    for block, frame in gaps.nonzero().tolist():
        seen = there[frame, index[block]]
        basis = Q[block, seen]
        gram = basis.T @ basis + 1e-3 * torch.eye(Q.shape[-1], device=Q.device)
        part[block, :, frame] = torch.linalg.solve(gram, basis.T @ data[frame, index[block][seen]])


def _room(shape: tuple[int, ...], runtime: Runtime) -> np.ndarray:
    if 4 * np.prod(shape, dtype=np.int64) < 0.4 * runtime.host_budget:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile() as file:  # has no name; the system frees it when the map goes
        return np.memmap(file, np.float32, "w+", shape=shape)


def _blend(blocks: Blocks, rank: np.ndarray, bases: np.ndarray) -> tuple[sparse.csc_array, sparse.csc_array]:
    """Local orthonormal bases and blended ones: pyramid weights over the sum of those blocks that kept something."""
    pixels = blocks.pixels()
    weight = blocks.pyramid()
    total = np.zeros(blocks.size[0] * blocks.size[1], np.float32)
    for block in np.flatnonzero(rank):
        total[pixels[block]] += weight
    owner = np.repeat(np.arange(len(blocks)), rank)
    rows = pixels[owner]
    indptr = np.arange(len(owner) + 1) * weight.size
    shape = (len(total), len(owner))
    local = sparse.csc_array((bases.ravel(), rows.ravel(), indptr), shape=shape)
    share = weight / total[rows] if len(owner) else np.zeros_like(bases)
    return local, sparse.csc_array(((bases * share).ravel(), rows.ravel(), indptr), shape=shape)


def _interpolate(V: Tensor, bad: np.ndarray) -> Tensor:
    """Bad frames' columns of V, linearly between their good neighbours."""
    good = np.flatnonzero(~bad)
    if not len(good):
        return torch.zeros_like(V)
    at = np.flatnonzero(bad)
    right = np.clip(np.searchsorted(good, at), 0, len(good) - 1)
    left = np.clip(right - 1, 0, None)
    low, high = good[left], good[right]
    share = np.clip((at - low) / np.maximum(high - low, 1), 0, 1).astype(np.float32)
    share = torch.from_numpy(share).to(V.device)
    V = V.clone()
    V[:, at] = V[:, low] * (1 - share) + V[:, high] * share
    return V
