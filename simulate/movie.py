"""`Movie`: simulated frames, computed when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from detectnmf.simulate.camera import Camera

BLOCK = 32  # frames that are always computed together, so that rounding does not depend on how the movie is sliced


@dataclass(frozen=True)
class Movie:
    """Frames (T, Y, X) by slices of time; any slicing gives the same frames, bit by bit.

    Args:
        baseline: (P,) photons.
        footprints: (P, K) CSR. traces: (K, T) photons.
        spatial: (P, m). temporal: (m, T) photons.
        camera: makes counts of photons.
        seed: of the noise; each frame has its own generator.
        size: (Y, X).
    """

    baseline: np.ndarray
    footprints: sparse.csr_array
    traces: np.ndarray
    spatial: np.ndarray
    temporal: np.ndarray
    camera: Camera
    seed: int
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        return int(self.traces.shape[1]), *self.size

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.camera.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def saturated(self) -> float:
        """Share of pixels whose brightest frames may be clipped, if all their cells peak together; clipped frames differ from the truth."""
        if self.dtype.kind == "f":
            return 0.0
        photons = self.baseline + self.footprints @ self.traces.max(axis=1, initial=0)
        return float((self.camera.offset + self.camera.gain * photons + 3 * self.camera.std(photons) > np.iinfo(self.dtype).max).mean())

    def _block(self, block: int) -> np.ndarray:
        """Photons of one block: (n, Y, X) float32."""
        span = slice(block * BLOCK, (block + 1) * BLOCK)
        light = self.spatial @ self.temporal[:, span]
        light += self.footprints @ self.traces[:, span]
        light += self.baseline[:, None]
        return np.ascontiguousarray(light.T).reshape(-1, *self.size)

    def _collect(self, index: slice, noisy: bool) -> np.ndarray:
        chosen = range(len(self))[index]
        frames = np.empty((len(chosen), *self.size), self.dtype if noisy else np.float32)
        where = {frame: place for place, frame in enumerate(chosen)}
        for block in sorted({frame // BLOCK for frame in chosen}):
            for frame, photons in enumerate(self._block(block), start=block * BLOCK):
                if frame in where:
                    frames[where[frame]] = self.camera.counts(photons, np.random.default_rng([self.seed, frame])) if noisy else photons
        return frames

    def __getitem__(self, index: slice) -> np.ndarray:
        """(n, Y, X) frames in the camera's dtype."""
        return self._collect(index, noisy=True)

    def expected(self, index: slice) -> np.ndarray:
        """(n, Y, X) float32 frames in counts, free of noise, rounding and clipping."""
        return np.asarray(self.camera.offset + self.camera.gain * self._collect(index, noisy=False), np.float32)
