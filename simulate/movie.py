"""`Movie`: simulated frames, computed when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from detectnmf.simulate.camera import Camera
from detectnmf.simulate.faults import Acquired
from detectnmf.simulate.motion.warp import displace
from detectnmf.simulate.sources import Sources
from detectnmf.sparse import SparseMatrix

BLOCK = 32  # frames that are always computed together, so that rounding does not depend on how the movie is sliced
ROWS = 4096  # pixels whose light is turned from columns into frames at once: they stay in the cache


@dataclass(frozen=True)
class Movie:
    """Frames (T, Y, X) by slices of time; any slicing gives the same frames, bit by bit.

    Args:
        sources: all light in the field, relative.
        light: photons per pixel and frame at level 1.
        profile: (Y, X) of the illumination, which does not move with the tissue.
        shifts: (N, gy, gx, 2) px, see `Motion`.
        acquired: which frames reach the disk.
        camera: makes counts of photons.
        seed: of the noise; each frame has its own generator.
        size: (Y, X) of the frame. border: px of the field around it.
        device: where light is computed; noise is always drawn on the CPU, so that the movie is the same up to rounding.
    """

    sources: Sources
    light: float
    profile: np.ndarray
    shifts: np.ndarray
    acquired: Acquired
    camera: Camera
    seed: int
    size: tuple[int, int]
    border: int
    device: str = "cpu"

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.acquired.index), *self.size

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.camera.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def to(self, device: torch.device | str) -> Movie:
        """The same movie, its light computed elsewhere."""
        return replace(self, device=str(device))

    def __getitem__(self, index: slice) -> np.ndarray:
        """(n, Y, X) frames in the camera's dtype."""
        chosen = range(len(self))[index]
        frames = np.empty((len(chosen), *self.size), self.dtype)

        def expose(place: int, photons: np.ndarray) -> None:
            generator = np.random.default_rng([self.seed, int(self.acquired.index[chosen[place]])])
            frames[place] = self.camera.counts(photons, generator)

        with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()) as pool:
            for places, photons in self._blocks(chosen):
                list(pool.map(expose, places, photons))
        return frames

    def expected(self, index: slice) -> np.ndarray:
        """(n, Y, X) float32 frames in counts, free of noise, rounding and clipping."""
        chosen = range(len(self))[index]
        frames = np.empty((len(chosen), *self.size), np.float32)
        for places, photons in self._blocks(chosen):
            frames[places] = self.camera.offset + self.camera.gain * photons
        return frames

    def _blocks(self, chosen: range) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(n,) places among the chosen frames and their (n, Y, X) float32 photons, a block of the tissue's time after the other."""
        written = np.arange(chosen.start, chosen.stop, chosen.step)
        moments = self.acquired.index[written]
        for block in np.unique(moments // BLOCK):
            places = np.flatnonzero(moments // BLOCK == block)
            photons = self._photons(int(block))[moments[places] - block * BLOCK]
            photons[self.acquired.blank[written[places]]] = 0
            hum = self.acquired.hum[moments[places]] @ self.acquired.pattern  # (n, Y) counts
            if hum.size:
                photons += (hum / self.camera.gain)[:, :, None].astype(np.float32)
            yield places, photons

    def _photons(self, block: int) -> np.ndarray:
        """(n, Y, X) float32 light of one block of the tissue's time."""
        parts = self._parts
        span = slice(block * BLOCK, (block + 1) * BLOCK)
        light = parts.courses[:, span].T @ parts.images
        traces = parts.traces[:, span].contiguous()
        for start, rows in parts.footprints:
            light[:, start : start + rows.shape[0]] += (rows @ traces).T
        field = light.reshape(-1, self.size[0] + 2 * self.border, self.size[1] + 2 * self.border)
        if self.border:
            field = displace(field, parts.shifts[span], self.border)
        field *= parts.profile
        return np.asarray(field.cpu().numpy())

    @cached_property
    def _parts(self) -> _Parts:
        """All that a block needs, on the device."""
        source = self.sources
        images = np.concatenate([source.static[None], source.spatial.T]).astype(np.float32)
        courses = np.concatenate([source.drift[None], source.temporal]).astype(np.float32)
        csr = source.footprints.tocsr()
        chunks = [(start, SparseMatrix(csr[start : start + ROWS], self.device)) for start in range(0, csr.shape[0], ROWS)]
        dense = [torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in (images, courses, source.traces, self.shifts)]
        profile = torch.from_numpy(np.asarray(self.light * self.profile, np.float32))
        on_device = [part.to(self.device) for part in (*dense, profile)]
        return _Parts(*on_device, footprints=[chunk for chunk in chunks if chunk[1].nnz])

    @property
    def saturated(self) -> float:
        """Share of pixels whose brightest frames may be clipped, if all their cells peak together; clipped frames differ from the truth."""
        if self.dtype.kind == "f":
            return 0.0
        field = self.sources.static * self.sources.drift.max() + self.sources.footprints @ self.sources.traces.max(axis=1, initial=0)
        rows, columns = (slice(self.border, self.border + edge) for edge in self.size)
        photons = self.light * self.profile * field.reshape([edge + 2 * self.border for edge in self.size])[rows, columns]
        return float((self.camera.offset + self.camera.gain * photons + 3 * self.camera.std(photons) > np.iinfo(self.dtype).max).mean())


@dataclass(frozen=True)
class _Parts:
    """Tensors of a movie: light = coursesᵀ images + (footprints @ traces)ᵀ, then moved, then times the profile."""

    images: Tensor  # (1 + m, P)
    courses: Tensor  # (1 + m, N)
    traces: Tensor  # (S, N)
    shifts: Tensor  # (N, gy, gx, 2)
    profile: Tensor  # (Y, X) photons
    footprints: list[tuple[int, SparseMatrix]]  # first pixel, and its ROWS rows
