"""Linear operators between the image and a coarser grid: sums, planes fitted to rings, and back.

A ring's prediction varies slowly over the image, so that it is computed on a grid of a few points per cell diameter and
interpolated. All operators are sparse matrices; pixels are left out by weights of zero, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Grid:
    """A coarse grid over an image.

    Args:
        size: (Y, X) px.
        step: edge of a grid cell (px).
    """

    size: tuple[int, int]
    step: int

    @property
    def shape(self) -> tuple[int, int]:
        return -(-self.size[0] // self.step), -(-self.size[1] // self.step)

    def sum(self) -> sparse.csr_array:
        """(Q, P) sums over the pixels of each grid cell."""
        rows, columns = np.divmod(np.arange(self.size[0] * self.size[1]), self.size[1])
        cell = rows // self.step * self.shape[1] + columns // self.step
        pixels = len(rows)
        return sparse.csr_array((np.ones(pixels, np.float32), (cell, np.arange(pixels))), shape=(self.shape[0] * self.shape[1], pixels))

    def interpolate(self) -> sparse.csr_array:
        """(P, Q) bilinear interpolation from the grid cells' centres, constant beyond the outermost."""
        y, x = (_linear(length, self.step, count) for length, count in zip(self.size, self.shape, strict=True))
        return sparse.csr_array(sparse.kron(y, x, format="csr"))

    @lru_cache(maxsize=4)  # noqa: B019  asked for at every revision; a grid is tiny, its neighbourhoods are not
    def around(self, inner: float, outer: float) -> Neighbourhood:
        """All pairs of grid cells at inner <= distance <= outer (px)."""
        reach = int(np.ceil(outer / self.step))
        dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
        distance = np.hypot(dy, dx) * self.step
        chosen = (distance >= inner) & (distance <= outer)
        offsets = np.stack([dy, dx], axis=1)[chosen]
        here = np.arange(self.shape[0] * self.shape[1])
        y, x = here[:, None] // self.shape[1] + offsets[:, 0], here[:, None] % self.shape[1] + offsets[:, 1]
        inside = (y >= 0) & (y < self.shape[0]) & (x >= 0) & (x < self.shape[1])
        which = np.nonzero(inside)[1]
        indptr = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
        return Neighbourhood((y * self.shape[1] + x)[inside], indptr, offsets[which] * (self.step / outer))


@dataclass(frozen=True)
class Neighbourhood:
    """For each grid cell the others around it, in CSR form.

    Args:
        there: (n,) the other grid cell. indptr: (Q + 1,).
        offset: (n, 2) from the cell to the other, in units of the neighbourhood's radius.
    """

    there: np.ndarray
    indptr: np.ndarray
    offset: np.ndarray

    def operator(self, values: np.ndarray) -> sparse.csr_array:
        """(Q, Q) with a value for each pair."""
        cells = len(self.indptr) - 1
        return sparse.csr_array((values.astype(np.float32), self.there, self.indptr), shape=(cells, cells))

    def sector(self, sectors: int) -> np.ndarray:
        """(n,) the direction of each pair, as one of so many equal sectors."""
        turn = np.arctan2(self.offset[:, 0], self.offset[:, 1]) / (2 * np.pi) + 0.5
        return np.floor(turn * sectors).astype(int) % sectors

    def sums(self) -> sparse.csr_array:
        """(Q, Q) sums over the neighbourhood."""
        return self.operator(np.ones(len(self.there)))

    def planes(self, count: np.ndarray, stiffness: float) -> sparse.csr_array:
        """(Q, Q) value at each cell of the plane fitted to its neighbourhood; applied to sums over pixels, not to means.

        A mean over a ring of which one side is masked is the value at some other place; a plane is not misled by a gradient. Where the
        pixels say little about the slope, `stiffness` (relative to a full neighbourhood's leverage) leads back to the mean.

        Args:
            count: (Q,) pixels that go into each grid cell's sum.
        """
        here = np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))
        terms = np.concatenate([np.ones((len(here), 1)), self.offset], axis=1)
        weight = count[self.there]
        normal = np.empty((len(self.indptr) - 1, 3, 3))
        for i in range(3):
            for j in range(3):
                normal[:, i, j] = np.bincount(here, weight * terms[:, i] * terms[:, j], len(normal))
        total = np.maximum(normal[:, 0, 0], 1e-6)
        normal[:, 0, 0] = total
        normal[:, [1, 2], [1, 2]] += (stiffness * total)[:, None]
        first = np.linalg.solve(normal, np.broadcast_to(np.eye(3)[:, :1], (len(normal), 3, 1)))[..., 0]
        return self.operator((first[here] * terms).sum(axis=1))


def _linear(length: int, step: int, count: int) -> sparse.csr_array:
    """(length, count) linear interpolation along one axis."""
    at = np.clip((np.arange(length) - (step - 1) / 2) / step, 0, count - 1)
    low = np.minimum(np.floor(at).astype(int), max(count - 2, 0))
    share = at - low
    high = np.minimum(low + 1, count - 1)
    here = np.arange(length)
    weights = np.concatenate([1 - share, share]).astype(np.float32)
    return sparse.csr_array((weights, (np.tile(here, 2), np.concatenate([low, high]))), shape=(length, count))
