"""The background of a real recording, as an earlier run found it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from detectnmf.errors import UserError
from detectnmf.simulate.background.base import Neuropil
from detectnmf.simulate.background.limit import limited

if TYPE_CHECKING:
    from detectnmf.result import DemixResult


@dataclass(frozen=True)
class Found:
    """A background in units of its mean level, never negative.

    Args:
        baseline: (Y, X) >= 0, mean 1. spatial: (Y, X, m). temporal: (m, T). rate: Hz. pixel_size: µm.
    """

    baseline: np.ndarray
    spatial: np.ndarray
    temporal: np.ndarray
    rate: float
    pixel_size: float


def strongest(spatial: sparse.csr_array, temporal: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """(P, m) orthogonal images and (m, T) courses, m <= rank: the best approximation of spatial @ temporal.

    Randomised singular value decomposition, Halko, Martinsson & Tropp 2011, with two power iterations.
    """
    rank = min(rank, *spatial.shape, *temporal.shape)
    probe = np.random.default_rng(0).standard_normal((temporal.shape[1], min(rank + 10, temporal.shape[1])))
    for _ in range(2):
        basis = np.linalg.qr(spatial @ (temporal @ probe))[0]
        probe = np.linalg.qr(temporal.T @ (spatial.T @ basis))[0]
    basis = np.linalg.qr(spatial @ (temporal @ probe))[0]
    left, singular, right = np.linalg.svd((spatial.T @ basis).T @ temporal, full_matrices=False)
    kept = min(rank, int((singular > 1e-6 * singular[:1].max(initial=0)).sum()))
    return basis @ (left[:, :kept] * singular[:kept]), right[:kept]


def found(result: DemixResult, offset: float, modes: int) -> Found:
    """The result's baseline and background, less the dark level, divided by the mean.

    Raises:
        UserError: no light above the offset.
    """
    background = result.background
    dark = result.baseline.astype(float) + background.mean - offset
    baseline = np.maximum(dark, 0)
    level = baseline.mean()
    if not level > 0:
        raise UserError(f"neuropil.offset = {offset:g} counts leaves no light in the background of {result.name}; lower it")
    scaled = sparse.csr_array(background.U.csr.multiply(background.std.reshape(-1, 1) / level))
    spatial, temporal = strongest(scaled, background.V.numpy().astype(float), modes)
    baseline /= level
    spatial = limited(baseline.ravel(), spatial, temporal)
    return Found(baseline, spatial.reshape(*result.baseline.shape, len(temporal)), temporal, result.rate, result.pixel_size)


def mirrored(places: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where to read an array of `length` at any real places, running to and fro without a jump: index below, weight of the next."""
    folded = np.abs((places + length - 1) % max(2 * (length - 1), 1) - (length - 1))
    below = np.minimum(folded.astype(np.int64), max(length - 2, 0))
    return below, np.clip(folded - below, 0, 1)


def read(array: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    """The array at real places along one axis, linearly interpolated, mirrored at the ends."""
    length = array.shape[axis]
    below, part = mirrored(places, length)
    part = part.reshape([-1 if a == axis else 1 for a in range(array.ndim)])
    return np.asarray((1 - part) * array.take(below, axis) + part * array.take(np.minimum(below + 1, length - 1), axis))


@dataclass(frozen=True)
class FromResult:
    """Baseline and fluctuating background of a finished run, seen from a random place and time.

    Space and time keep their scale (µm, s), and run to and fro where more is asked for than there is: mirrored, so that nothing
    jumps. Linear interpolation between pixels and frames.

    Args:
        path: result.h5 of a run, or a simulated truth.h5.
        offset: counts of that recording in the dark.
        modes: strongest components of the fluctuation that are kept.
    """

    path: str | None = None
    offset: float = 0.0
    modes: int = 30
    _found: Found = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.path is None:
            raise UserError("neuropil.path is not given; name the result.h5 of a finished run, whose background will be used")
        if self.modes < 0:
            raise UserError(f"neuropil.modes must be 0 or more, got {self.modes}")
        from detectnmf.result import load

        path = Path(self.path)
        result = load(path / "result.h5" if path.is_dir() else path)
        object.__setattr__(self, "_found", found(result, self.offset, self.modes))

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Neuropil:
        """What the fluctuation is on average over these frames belongs to the baseline."""
        there = self._found
        baseline, spatial, temporal = there.baseline, there.spatial, there.temporal
        for axis, edge in enumerate(size):
            first = rng.uniform(0, max(baseline.shape[axis] - 1 - (edge - 1) * pixel_size / there.pixel_size, 0))
            places = first + np.arange(edge) * (pixel_size / there.pixel_size)
            baseline, spatial = read(baseline, places, axis), read(spatial, places, axis)
        first = rng.uniform(0, max(temporal.shape[1] - 1 - (frames - 1) * there.rate / rate, 0))
        temporal = read(temporal, first + np.arange(frames) * (there.rate / rate), 1)
        mean = temporal.mean(axis=1)
        temporal = (temporal - mean[:, None]).astype(np.float32)
        baseline = np.maximum(baseline + spatial @ mean, 0)
        level = max(float(baseline.mean()), 1e-9)
        flat = np.ascontiguousarray((spatial / level).reshape(size[0] * size[1], len(temporal)), np.float32)
        return Neuropil(baseline / level, flat, temporal)
