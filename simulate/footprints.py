"""From cells in space to footprints on the image: each point of a cell is seen as the PSF of its depth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import interpolate, signal, sparse

from detectnmf.errors import UserError
from detectnmf.simulate.psf.base import PSF
from detectnmf.simulate.shapes.base import Shape

THICKNESS = 150.0  # µm of tissue above and below the focal plane that can be seen
DEPTH_STEP = 0.5  # µm
DARK = 1e-6  # depths that give less than this share of the best are not looked at
TOLERANCE = 1e-5  # singular values below this share of the first are left out


@dataclass(frozen=True)
class Optics:
    """A PSF made fast: kernel(z) = Σ_r coefficients[z, r] · kernels[r], by singular value decomposition.

    A PSF of one lateral profile needs one term; convolving one image per term replaces one for each depth slice.

    Args:
        depth: (D,) µm, even steps over the depths that are seen.
        coefficients: (D, r). kernels: (r, h, w).
        bulk: what a pixel gives in a uniform medium of concentration 1 (µm³); footprints are given relative to it, so that
            neuropil of concentration 1 has level 1.
        pixel_size: µm.
    """

    depth: np.ndarray
    coefficients: np.ndarray
    kernels: np.ndarray
    bulk: float
    pixel_size: float

    @classmethod
    def of(cls, psf: PSF, thickness: float = THICKNESS, step: float = DEPTH_STEP) -> Optics:
        """Look at the PSF at every depth slice of the tissue.

        Raises:
            UserError: kernels with even sides, negative or non-finite values, or nothing seen at all.
        """
        n = int(np.ceil(thickness / step))
        depth = np.arange(-n, n + 1) * step
        stack = np.asarray(psf(depth), float)
        if stack.ndim != 3 or len(stack) != len(depth) or stack.shape[1] % 2 == 0 or stack.shape[2] % 2 == 0:
            raise UserError(f"the PSF must give (D, h, w) kernels with odd h and w, got {stack.shape} for {len(depth)} depths")
        if not np.isfinite(stack).all() or stack.min() < 0:
            raise UserError("the PSF gives negative or non-finite values; kernels must be 0 or more everywhere")
        energy = stack.sum(axis=(1, 2))
        bulk = float(energy.sum() * step * psf.pixel_size**2)
        if bulk == 0:
            raise UserError(f"the PSF is 0 at all depths within {thickness:g} µm of the focal plane")
        lit = np.flatnonzero(energy > DARK * energy.max())
        lit = np.arange(max(lit[0] - 2, 0), min(lit[-1] + 3, len(depth)))
        depth, stack = depth[lit], stack[lit]
        left, singular, right = np.linalg.svd(stack.reshape(len(depth), -1), full_matrices=False)
        kept = singular > TOLERANCE * singular[0]
        kernels = right[kept].reshape(-1, *stack.shape[1:])
        return cls(depth, left[:, kept] * singular[kept], kernels, bulk, psf.pixel_size)

    def at(self, depth: np.ndarray) -> np.ndarray:
        """(r, N) coefficients at depths between the first and the last, by cubic splines."""
        return np.asarray(self._spline(depth).T)

    @cached_property
    def _spline(self) -> interpolate.CubicSpline:
        return interpolate.CubicSpline(self.depth, self.coefficients)

    @property
    def range(self) -> tuple[float, float]:
        """Depths (µm) between which a point gives at least half of what it gives at best."""
        energy = self.coefficients @ self.kernels.sum(axis=(1, 2))
        seen = self.depth[energy >= energy.max() / 2]
        return float(seen[0]), float(seen[-1])


def project(shape: Shape, position: np.ndarray, optics: Optics, size: tuple[int, int]) -> sparse.csc_array:
    """(P, 1) footprint of a cell at `position` (z, y, x in µm; y, x from the centre of the first pixel), relative to `bulk`.

    Points between pixel centres are shared by their four neighbours.
    """
    half = np.array(optics.kernels.shape[1:]) // 2
    points = shape.points + position
    pixels = points[:, 1:] / optics.pixel_size
    near = np.all((pixels > -half - 1) & (pixels < np.array(size) + half), axis=1)
    near &= (points[:, 0] >= optics.depth[0]) & (points[:, 0] <= optics.depth[-1])
    if not near.any():
        return sparse.csc_array((size[0] * size[1], 1))
    pixels, z, weights = pixels[near], points[near, 0], shape.weights[near]

    corner = np.floor(pixels.min(axis=0)).astype(np.int64)
    extent = np.floor(pixels.max(axis=0)).astype(np.int64) - corner + 2
    whole = np.floor(pixels).astype(np.int64)
    part = pixels - whole
    flat = (whole[:, 0] - corner[0]) * extent[1] + whole[:, 1] - corner[1]
    image = np.zeros(extent + 2 * half)
    for coefficients, kernel in zip(optics.at(z), optics.kernels, strict=True):
        seen = weights * coefficients
        cloud = np.zeros(extent[0] * extent[1])
        for shift, share in (
            (0, (1 - part[:, 0]) * (1 - part[:, 1])),
            (1, (1 - part[:, 0]) * part[:, 1]),
            (extent[1], part[:, 0] * (1 - part[:, 1])),
            (extent[1] + 1, part[:, 0] * part[:, 1]),
        ):
            cloud += np.bincount(flat + shift, seen * share, minlength=len(cloud))
        image += signal.fftconvolve(cloud.reshape(extent), kernel)
    image /= optics.bulk

    corner -= half
    low = np.maximum(corner, 0)
    high = np.minimum(corner + image.shape, size)
    image = image[low[0] - corner[0] : high[0] - corner[0], low[1] - corner[1] : high[1] - corner[1]]
    rows = (np.arange(low[0], high[0])[:, None] * size[1] + np.arange(low[1], high[1])).ravel()
    return sparse.csc_array((image.ravel(), (rows, np.zeros(len(rows), np.int64))), shape=(size[0] * size[1], 1))


def project_all(shapes: tuple[Shape, ...], positions: np.ndarray, optics: Optics, size: tuple[int, int]) -> sparse.csc_array:
    """(P, K) footprints of all cells, relative to `bulk`."""
    columns = [project(shape, position, optics, size) for shape, position in zip(shapes, positions, strict=True)]
    return sparse.csc_array(sparse.hstack(columns, format="csc")) if columns else sparse.csc_array((size[0] * size[1], 0))


@dataclass(frozen=True)
class Seen:
    """Footprints with maximum 1, and what the maximum was.

    Args:
        footprints: (P, K) CSC float32, each column cut below a share of its maximum.
        peak: (K,) brightness at the brightest pixel, relative to the bulk.
        brightest: (K,) that pixel.
    """

    footprints: sparse.csc_array
    peak: np.ndarray
    brightest: np.ndarray


def normalise(raw: sparse.csc_array, cut: float) -> Seen:
    """Divide by the maximum and drop what lies below `cut` of it."""
    raw = sparse.csc_array(raw)
    columns, peaks, pixels = [], np.zeros(raw.shape[1]), np.zeros(raw.shape[1], np.int64)
    indptr = [0]
    indices = []
    for k in range(raw.shape[1]):
        span = slice(raw.indptr[k], raw.indptr[k + 1])
        values, rows = raw.data[span], raw.indices[span]
        if len(values) and values.max() > 0:
            best = int(values.argmax())
            peaks[k], pixels[k] = values[best], rows[best]
            kept = values >= cut * values[best]
            columns.append((values[kept] / values[best]).astype(np.float32))
            indices.append(rows[kept])
        indptr.append(indptr[-1] + (len(columns[-1]) if peaks[k] > 0 else 0))
    data = np.concatenate(columns) if columns else np.zeros(0, np.float32)
    index = np.concatenate(indices) if indices else np.zeros(0, np.int64)
    return Seen(sparse.csc_array((data, index, np.array(indptr)), shape=raw.shape), peaks, pixels)
