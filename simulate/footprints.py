"""From cells in space to footprints on the image: each point of a cell is seen as the PSF of its depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, sparse

from detectnmf.simulate.optics import Optics
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.threads import threads


@dataclass(frozen=True)
class Patch:
    """Images (m, h, w) whose first pixel lies at `corner` (y, x); it may stick out of the field."""

    images: np.ndarray
    corner: np.ndarray

    def inside(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """What lies within the field: (n,) pixels, ascending, and (m, n) values."""
        low = np.maximum(self.corner, 0)
        high = np.maximum(np.minimum(self.corner + self.images.shape[1:], size), low)
        images = self.images[:, low[0] - self.corner[0] : high[0] - self.corner[0], low[1] - self.corner[1] : high[1] - self.corner[1]]
        pixels = (np.arange(low[0], high[0])[:, None] * size[1] + np.arange(low[1], high[1])).ravel()
        return pixels, images.reshape(len(images), -1)


def project(points: np.ndarray, weights: np.ndarray, optics: Optics, size: tuple[int, int]) -> Patch | None:
    """What clouds of weighted points look like, relative to `optics.bulk`; None where nothing of them is seen.

    Args:
        points: (N, 3) z, y, x in µm; y and x from the centre of the first pixel. Points between pixels are shared by four.
        weights: (m, N), one row per cloud: the clouds share their points.
        optics: the PSF.
        size: (Y, X) of the field; points that cannot be seen from it are left out.
    """
    half = np.array(optics.kernels.shape[1:]) // 2
    pixels = points[:, 1:] / optics.pixel_size
    near = np.all((pixels > -half - 1) & (pixels < np.array(size) + half), axis=1)
    near &= (points[:, 0] >= optics.depth[0]) & (points[:, 0] <= optics.depth[-1])
    if not near.any():
        return None
    pixels, z, weights = pixels[near], points[near, 0], weights[:, near]
    whole = np.floor(pixels).astype(np.int64)
    corner = whole.min(axis=0)
    extent = whole.max(axis=0) - corner + 2
    image = extent + 2 * half
    padded = (fft.next_fast_len(int(image[0]), real=True), fft.next_fast_len(int(image[1]), real=True))
    share = _shares(whole - corner, pixels - whole, (int(extent[0]), int(extent[1])))
    seen = optics.at(z)[None] * weights[:, None]  # (m, r, N)
    clouds = np.zeros((*seen.shape[:2], *padded), np.float32)
    clouds[..., : extent[0], : extent[1]] = (share @ seen.reshape(-1, len(z)).T).T.reshape(*seen.shape[:2], *extent)
    spectrum = np.einsum("mrhw,rhw->mhw", fft.rfft2(clouds), optics.spectra(padded))
    images = fft.irfft2(spectrum, s=padded)[:, : image[0], : image[1]] / optics.bulk
    return Patch(np.maximum(images, 0), corner - half)


def _shares(whole: np.ndarray, part: np.ndarray, extent: tuple[int, int]) -> sparse.csr_array:
    """(pixels, N) how much of each point falls to each pixel: bilinear."""
    flat = whole[:, 0] * extent[1] + whole[:, 1]
    rows = np.stack([flat, flat + 1, flat + extent[1], flat + extent[1] + 1])
    down, right = part.T
    values = np.stack([(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right])
    columns = np.broadcast_to(np.arange(len(flat)), rows.shape)
    return sparse.csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=(extent[0] * extent[1], len(flat)))


@dataclass(frozen=True)
class Seen:
    """Cells on the image. A cell whose parts flicker by themselves has several footprints, others have one.

    Args:
        footprints: (P, S) CSC float32; those of one cell add up to a maximum of 1 and are cut below a share of it.
        owner: (S,) the cell that each belongs to.
        peak: (K,) brightness at the brightest pixel, relative to the bulk.
        width: (K,) diameter of the disc as large as the pixels above half of the maximum (px).
        occupied: (P,) share of what is seen at each pixel that cells take up instead of neuropil.
    """

    footprints: sparse.csc_array
    owner: np.ndarray
    peak: np.ndarray
    width: np.ndarray
    occupied: np.ndarray

    @property
    def whole(self) -> sparse.csc_array:
        """(P, K) the footprint of each cell with all its parts lit."""
        return sparse.csc_array(self.footprints @ membership(self.owner, len(self.peak)))


def membership(owner: np.ndarray, cells: int, share: np.ndarray | None = None) -> sparse.csc_array:
    """(S, K) which cell each part belongs to, with what share (1 if not given): footprints of parts @ it are those of cells."""
    values = np.ones(len(owner), np.float32) if share is None else share
    return sparse.csc_array((values, (np.arange(len(owner)), owner)), shape=(len(owner), cells))


def look(shapes: Sequence[Shape], positions: np.ndarray, optics: Optics, size: tuple[int, int], cut: float) -> Seen:
    """See every cell.

    Args:
        shapes: K cells. positions: (K, 3) of their somata, µm: z, and y, x from the centre of the field's first pixel.
        optics: the PSF.
        size: (Y, X) of the field.
        cut: footprints end where the cell falls below this share of its maximum.
    """
    peak, width = np.zeros(len(shapes)), np.zeros(len(shapes))
    occupied = np.zeros(size[0] * size[1])
    data, rows, owner = [], [], []

    def glance(k: int) -> Patch | None:
        return project(shapes[k].points + positions[k], _clouds(shapes[k]), optics, size)

    with threads() as pool:
        for k, patch in enumerate(pool.map(glance, range(len(shapes)))):
            parts = max(1, len(shapes[k].parts))
            owner += parts * [k]
            pixels, values = (np.zeros(0, np.int64), np.zeros((parts + 1, 0))) if patch is None else patch.inside(size)
            if shapes[k].volume is not None:
                occupied[pixels] += values[-1]
            image = values[:parts].sum(axis=0)
            peak[k] = image.max(initial=0)
            width[k] = 2 * np.sqrt((image > peak[k] / 2).sum() / np.pi)
            bright = (image >= cut * peak[k]) & (image > 0)
            for part in values[:parts, bright]:
                data.append((part / peak[k]).astype(np.float32))
                rows.append(pixels[bright])
    indptr = np.cumsum([0, *map(len, rows)])
    joined = (np.concatenate([np.zeros(0, np.float32), *data]), np.concatenate([np.zeros(0, np.int64), *rows]), indptr)
    footprints = sparse.csc_array(joined, shape=(len(occupied), len(owner)))
    return Seen(footprints, np.array(owner, np.int64), peak, width, np.minimum(occupied, 1))


def _clouds(shape: Shape) -> np.ndarray:
    """(m, N) weights of each part, and of the volume if the shape displaces any."""
    if shape.parts and shape.part is not None:
        clouds = [np.where(shape.part == part, shape.weights, 0) for part in range(len(shape.parts))]
    else:
        clouds = [shape.weights]
    return np.stack(clouds if shape.volume is None else [*clouds, shape.volume])
