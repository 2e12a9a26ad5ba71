"""Small synthetic movies whose truth is known, compressed by exact block singular values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage, sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class Toy:
    """A compressed movie and what is in it, in units of noise: movie = footprints @ traces + background + white noise."""

    movie: Compressed
    truth: Components
    background: np.ndarray  # (P, T)

    @property
    def A(self) -> SparseMatrix:
        return SparseMatrix(self.truth.footprints)


def footprints(size, cells, diameter, rng, margin=0.5):
    """(K, Y, X) irregular blobs with a maximum of 1."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    images = []
    for _ in range(cells):
        y, x = (rng.uniform(margin * diameter, s - margin * diameter) for s in size)
        dy, dx = rows - y, columns - x
        angle = np.arctan2(dy, dx)
        radius = diameter / 2 * (1 + 0.2 * np.cos(2 * (angle - rng.uniform(0, 6.3))) + 0.1 * np.cos(3 * (angle - rng.uniform(0, 6.3))))
        image = ndimage.gaussian_filter((np.hypot(dy, dx) < radius) * rng.uniform(0.7, 1, size), 1.0)
        image[image < 0.1 * image.max()] = 0
        images.append(image / image.max())
    return np.stack(images).astype(np.float32)


def traces(cells, frames, rng, peak=8.0, decay=12.0, rate=0.01):
    """(K, T) transients with an exponential decay (frames), the largest `peak` high."""
    spikes = rng.poisson(rate, (cells, frames)) * rng.uniform(0.5, 1.5, (cells, frames))
    spikes[:, rng.integers(frames // 4, frames // 2, cells)[0]] += 0.01  # no silent cell
    kernel = np.exp(-np.arange(int(6 * decay)) / decay) - np.exp(-np.arange(int(6 * decay)) / 1.5)
    out = np.stack([np.convolve(s, kernel)[:frames] for s in spikes])
    return (peak * out / np.maximum(out.max(axis=1, keepdims=True), 1e-6)).astype(np.float32)


def smooth_background(size, frames, rng, amplitude=1.0, scale=25.0, decay=30.0):
    """(P, T) a few broad patterns, each with a slow course; standard deviation `amplitude` on average."""
    total = np.zeros((size[0] * size[1], frames), np.float32)
    for _ in range(4):
        image = 1 + ndimage.gaussian_filter(rng.standard_normal(size), scale, mode="reflect") * scale * 2
        course = ndimage.gaussian_filter1d(rng.standard_normal(frames), decay)
        total += np.outer(image, course - course.mean()).astype(np.float32)
    return amplitude * total / total.std()


def compress(data, size, block=20, noise=True, std=None):
    """Blockwise truncated singular values of (P, T) in units of noise, blended with pyramids; rank above white noise's."""
    mean = data.mean(axis=1)
    data = data - mean[:, None]
    frames = data.shape[1]
    starts = [sorted({*range(0, max(s - block, 0) + 1, block // 2), max(s - block, 0)}) for s in size]
    edge = [min(block, s) for s in size]
    ramp = [np.minimum(np.arange(e) + 1, e - np.arange(e)) for e in edge]
    pyramid = np.minimum(*np.meshgrid(*ramp, indexing="ij")).astype(float).ravel()
    index = np.arange(size[0] * size[1]).reshape(size)
    limit = 1.03 * (np.sqrt(frames) + np.sqrt(edge[0] * edge[1])) if noise else 1e-3 * np.sqrt(frames)
    total = np.zeros(size[0] * size[1])
    U, local, V, columns = [], [], [], 0
    for y in starts[0]:
        for x in starts[1]:
            at = index[y : y + edge[0], x : x + edge[1]].ravel()
            values, vectors = np.linalg.eigh(data[at].astype(np.float64) @ data[at].T.astype(np.float64))
            basis = vectors[:, np.sqrt(np.maximum(values, 0)) > limit][:, ::-1]
            if not basis.shape[1]:
                continue
            total[at] += pyramid
            here = (np.repeat(at, basis.shape[1]), np.tile(np.arange(columns, columns + basis.shape[1]), len(at)))
            columns += basis.shape[1]
            local.append((basis.ravel(), *here))
            U.append(((basis * pyramid[:, None]).ravel(), *here))
            V.append(basis.T @ data[at])
    parts = [[np.concatenate(p) for p in zip(*m, strict=True)] if m else [np.zeros(0)] * 3 for m in (U, local)]
    shape = (len(data), columns)
    matrices = [sparse.csr_array((p[0], (p[1].astype(int), p[2].astype(int))), shape=shape) for p in parts]
    blended = matrices[0] * (1 / np.maximum(total, 1e-9))[:, None]
    V = np.concatenate(V) if V else np.zeros((0, frames))
    return Compressed(
        U=SparseMatrix(sparse.csr_array(blended)),
        V=torch.from_numpy(V.astype(np.float32)),
        mean=mean.reshape(size).astype(np.float32),
        std=np.ones(size, np.float32) if std is None else std,
        U_local=SparseMatrix(matrices[1]),
    )


def toy(size=(48, 48), frames=600, cells=8, diameter=10.0, seed=0, peak=8.0, background=0.0, noise=1.0, images=None, courses=None) -> Toy:
    """A movie of blobs with calcium-like traces, a smooth fluctuating background and white noise."""
    rng = np.random.default_rng(seed)
    A = footprints(size, cells, diameter, rng) if images is None else images
    C = traces(len(A), frames, rng, peak) if courses is None else courses
    truth = Components.from_images(A, C)
    ground = smooth_background(size, frames, rng, background) if background else np.zeros((size[0] * size[1], frames), np.float32)
    data = truth.footprints @ C + ground + noise * rng.standard_normal((size[0] * size[1], frames)).astype(np.float32)
    return Toy(compress(data, size, noise=noise > 0), truth, ground)


def best_correlation(found, truth):
    """(K,) for each true trace the highest correlation with a found one."""
    if not len(found):
        return np.zeros(len(truth))
    return np.nan_to_num(np.corrcoef(truth, found)[: len(truth), len(truth) :]).max(axis=1)
