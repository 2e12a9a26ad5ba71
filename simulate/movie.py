"""`Movie`: simulated frames, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from detectnmf.simulate.camera import Camera
from detectnmf.simulate.faults import Acquired
from detectnmf.simulate.motion.warp import displace
from detectnmf.simulate.sources import Sources
from detectnmf.simulate.threads import threads
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

        def count(place: int, photons: np.ndarray) -> np.ndarray:
            generator = np.random.Generator(np.random.SFC64([self.seed, int(self.acquired.index[place])]))
            return self.camera.counts(photons, generator)

        return self._collect(index, count, self.dtype)

    def expected(self, index: slice) -> np.ndarray:
        """(n, Y, X) float32 frames in counts, free of noise, rounding and clipping."""
        return self._collect(index, lambda _, photons: self.camera.offset + self.camera.gain * photons, np.dtype(np.float32))

    def _collect(self, index: slice, finish: Callable[[int, np.ndarray], np.ndarray], dtype: np.dtype) -> np.ndarray:
        """Frames made of photons by `finish(place in the movie, photons)`, one block of the tissue's time in each thread."""
        written = np.arange(len(self))[index]
        moments = self.acquired.index[written]
        frames = np.empty((len(written), *self.size), dtype)
        parts = self._parts

        def fill(block: int) -> None:
            photons = self._photons(block, parts)
            for place in np.flatnonzero(moments // BLOCK == block):
                frame = photons[moments[place] - block * BLOCK]
                if self.acquired.blank[written[place]]:
                    frame = np.zeros_like(frame)
                hum = self.acquired.hum[moments[place]] @ self.acquired.pattern  # (Y,) counts
                frames[place] = finish(written[place], frame + hum[:, None] / self.camera.gain if hum.any() else frame)

        with threads() as pool:
            for _ in pool.map(fill, np.unique(moments // BLOCK).tolist()):
                pass
        return frames

    def _photons(self, block: int, parts: _Parts) -> np.ndarray:
        """(n, Y, X) float32 light of one block of the tissue's time."""
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
        source, csr = self.sources, self.sources.footprints.tocsr()
        chunks = [(start, SparseMatrix(csr[start : start + ROWS], self.device)) for start in range(0, csr.shape[0], ROWS)]
        return _Parts(
            images=self._tensor(np.concatenate([source.static[None], source.spatial.T])),
            courses=self._tensor(np.concatenate([source.drift[None], source.temporal])),
            traces=self._tensor(source.traces),
            shifts=torch.from_numpy(self.shifts),
            profile=self._tensor(self.light * self.profile),
            footprints=[chunk for chunk in chunks if chunk[1].nnz],
        )

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    @property
    def saturated(self) -> float:
        """Share of pixels whose brightest frames may be clipped, if all their cells peak together; clipped frames differ from the truth."""
        field = self.sources.static * self.sources.drift.max() + self.sources.footprints @ self.sources.traces.max(axis=1, initial=0)
        rows, columns = (slice(self.border, self.border + edge) for edge in self.size)
        photons = self.light * self.profile * field.reshape([edge + 2 * self.border for edge in self.size])[rows, columns]
        return float((self.camera.offset + self.camera.gain * photons + 3 * self.camera.std(photons) > self.camera.ends[1]).mean())


@dataclass(frozen=True)
class _Parts:
    """Tensors of a movie: light = coursesᵀ images + (footprints @ traces)ᵀ, then moved, then times the profile."""

    images: Tensor  # (1 + m, P)
    courses: Tensor  # (1 + m, N)
    traces: Tensor  # (S, N)
    shifts: Tensor  # (N, gy, gx, 2), on the CPU
    profile: Tensor  # (Y, X) photons
    footprints: list[tuple[int, SparseMatrix]]  # first pixel, and its ROWS rows
