"""From a seed to a footprint: pooling of pixels that go with it, then semi-NMF (sc-CNMF, §3.2, Spatial and Temporal Initialization)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.foreground import Foreground
from detectnmf.seeds.superpixels import around, connected

TINY = 1e-12


@dataclass(frozen=True)
class SemiNMF:
    """Each seed alone: its pixel's trace, the connected pixels around it whose own resemble it, and a rank-1 semi-NMF of these.

    Args:
        similarity: correlation of a pixel with the seed's trace, at least.
        reach_diameters: farthest pixel of a footprint from its seed (cell diameters).
        iterations: of the updates of footprint and trace.
    """

    similarity: float = 0.5
    reach_diameters: float = 1.0
    iterations: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.similarity < 1:
            raise UserError(f"start.similarity is a correlation between 0 and 1, got {self.similarity}")
        if self.iterations < 1:
            raise UserError(f"start.iterations must be at least 1, got {self.iterations}")

    def __call__(self, above: Foreground, seeds: np.ndarray, diameter: float, runtime: Runtime) -> sparse.csc_array:
        """(P, n) footprints >= 0 of seeds (n,), any scale."""
        radius = max(1.0, self.reach_diameters * diameter)
        columns = [self._footprint(above, int(seed), radius) for seed in runtime.progress(seeds, "start", len(seeds))]
        indptr = np.concatenate([[0], np.cumsum([len(pixels) for pixels, _ in columns])])
        indices = np.concatenate([np.zeros(0, np.int64), *(pixels for pixels, _ in columns)])
        values = np.concatenate([np.zeros(0, np.float32), *(footprint for _, footprint in columns)])
        return sparse.csc_array((values, indices, indptr), shape=(len(above.good), len(seeds)))

    def _footprint(self, above: Foreground, seed: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of a seed's cell, and their values."""
        pixels, offsets = around(np.array(divmod(seed, above.size[1])), above.size, radius)
        usable = above.good[pixels]
        pixels, offsets = pixels[usable], offsets[usable]
        z = above.traces(pixels)
        centre = int(np.flatnonzero((offsets == 0).all(axis=1))[0])
        alike = correlation(z, z[centre]).cpu().numpy()
        member = connected(alike >= self.similarity, offsets)
        z = z[torch.from_numpy(member).to(z.device)]
        s = above.traces(np.array([seed]))[0].clamp_min(TINY)
        for _ in range(self.iterations):
            r = space(z, s)
            s = time(z, r, s)
        return pixels[member], space(z, s).clamp_min(0).cpu().numpy()


def space(z: Tensor, s: Tensor) -> Tensor:
    """(n,) footprint r = z s (sᵀs)⁻¹ of pixels z (n, T) for a trace s (T,); its sign is free."""
    return z @ s / (s @ s).clamp_min(TINY)


def time(z: Tensor, r: Tensor, s: Tensor) -> Tensor:
    """(T,) trace >= 0 after one multiplicative update: s √(((rᵀz)⁺ + s (rᵀr)⁻) / ((rᵀz)⁻ + s (rᵀr)⁺)); rᵀr has no negative part."""
    wanted = r @ z
    return s * (wanted.clamp_min(0) / ((-wanted).clamp_min(0) + s * (r @ r)).clamp_min(TINY)).sqrt()


def correlation(z: Tensor, s: Tensor) -> Tensor:
    """(n,) of each row of z (n, T) with s (T,); 0 for a constant one."""
    z, s = z - z.mean(dim=1, keepdim=True), s - s.mean()
    return z @ s / (z.norm(dim=1) * s.norm()).clamp_min(TINY)
