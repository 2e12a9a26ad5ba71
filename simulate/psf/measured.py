"""A PSF that was measured: a z-stack of a bead, or one computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import positive
from detectnmf.simulate.psf.stack import read_stack


@dataclass(frozen=True)
class Measured:
    """A (Z, Y, X) TIFF stack, resampled to the movie's pixels without loss of energy, linear between its planes and 0 beyond them.

    Each voxel counts as evenly bright. The energy of the plane at depth 0 is 1. A bead's background must go, for it would make the
    whole stack glow; the bead's own size is not taken out.

    Args:
        path: of the TIFF, planes from the surface downwards; its sides along y and x must be odd.
        voxel_size: (z, y, x) µm; null takes them from the file.
        background: value to subtract; null takes the median of the stack's outermost voxels along y and x.
        centre: True moves the brightest plane to depth 0 and its centroid (above half maximum) into the central pixel; False takes the
            middle of the stack as it is.
        pixel_size: µm, of the movie.
    """

    path: str | None = None
    voxel_size: tuple[float, float, float] | None = None
    background: float | None = None
    centre: bool = True
    pixel_size: float = 1.0

    def __post_init__(self) -> None:
        positive(self, "pixel_size")
        if self.path is None:
            raise UserError("psf.path must name a TIFF z-stack, for example psf.path=bead.tif")
        if self.voxel_size is not None:
            if len(self.voxel_size) != 3 or not all(edge > 0 and np.isfinite(edge) for edge in self.voxel_size):
                raise UserError(f"psf.voxel_size must be [z, y, x] in µm, for example [0.5,0.2,0.2], got {list(self.voxel_size)}")
            object.__setattr__(self, "voxel_size", tuple(self.voxel_size))
        _ = self._planes

    @cached_property
    def _planes(self) -> _Planes:
        values, told = read_stack(str(self.path))
        voxel = self.voxel_size or told
        if voxel is None:
            raise UserError(f"psf.path={self.path} does not tell the size of its voxels; give psf.voxel_size=[z,y,x] in µm")
        if values.shape[1] % 2 == 0 or values.shape[2] % 2 == 0:
            raise UserError(
                f"psf.path={self.path} is {values.shape[1]} x {values.shape[2]}, which has no central pixel; crop it to odd sides"
                " around the bead"
            )
        if len(values) < 2:
            raise UserError(f"psf.path={self.path} has 1 plane; a PSF needs at least 2")
        if not np.isfinite(values).all():
            raise UserError(f"psf.path={self.path} has {int((~np.isfinite(values)).sum())} voxels that are not finite; replace them")
        if values.min() < 0:
            raise UserError(f"psf.path={self.path} has negative values, the lowest {values.min():g}; add a constant or clip them")
        return _planes(values, voxel, self.background, self.centre, str(self.path))

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) µm -> (D, h, w)."""
        planes = self._planes
        rows = overlaps(planes.values.shape[1], planes.voxel[1], planes.origin[1], self.pixel_size)
        columns = overlaps(planes.values.shape[2], planes.voxel[2], planes.origin[2], self.pixel_size)
        stack = np.einsum("ay,zyx,bx->zab", rows, planes.values, columns, optimize=True)
        place = np.asarray(depth, float) / planes.voxel[0] + planes.origin[0]
        lower = np.clip(np.floor(place).astype(np.int64), 0, len(stack) - 2)
        share = (place - lower)[:, None, None]
        inside = ((place >= 0) & (place <= len(stack) - 1))[:, None, None]
        return np.asarray(np.where(inside, (1 - share) * stack[lower] + share * stack[lower + 1], 0.0))


@dataclass(frozen=True)
class _Planes:
    """Values (Z, Y, X) of which the plane in focus sums to 1; voxel and origin along z, y, x, in µm and in voxels."""

    values: np.ndarray
    voxel: tuple[float, float, float]
    origin: tuple[float, float, float]


def _planes(values: np.ndarray, voxel: tuple[float, float, float], background: float | None, centre: bool, file: str) -> _Planes:
    """Background off, origin found, energy of the plane in focus 1."""
    if background is None:
        rim = np.ones(values.shape[1:], bool)
        rim[1:-1, 1:-1] = False
        background = float(np.median(values[:, rim]))
    values = np.maximum(values - background, 0)
    if values.max() == 0:
        raise UserError(f"psf.path={file} has nothing above the background of {background:g}; give a lower psf.background")
    z, y, x = ((edge - 1) / 2 for edge in values.shape)
    if centre:
        plane = int(np.unravel_index(values.argmax(), values.shape)[0])
        bright = np.where(values[plane] >= values[plane].max() / 2, values[plane], 0)
        rows, columns = np.indices(bright.shape)
        z, y, x = float(plane), float((rows * bright).sum() / bright.sum()), float((columns * bright).sum() / bright.sum())
    energy = values[int(np.floor(z))].sum() / 2 + values[int(np.ceil(z))].sum() / 2
    if energy == 0:
        raise UserError(f"psf.path={file} is dark in its middle plane; give psf.centre=true")
    return _Planes(values / energy, voxel, (z, y, x))


def overlaps(n: int, voxel: float, origin: float, pixel: float) -> np.ndarray:
    """(m, n) share of each of n voxels that falls into each of m pixels, m odd; voxel number `origin` sits in the central pixel."""
    edges = (np.arange(n + 1) - 0.5 - origin) * voxel
    half = max(1, int(np.ceil(np.abs(edges).max() / pixel - 0.5 - 1e-9)))
    low = (np.arange(2 * half + 1) - half - 0.5)[:, None] * pixel
    common = np.minimum(low + pixel, edges[1:]) - np.maximum(low, edges[:-1])
    return np.asarray(np.maximum(common, 0) / voxel)
