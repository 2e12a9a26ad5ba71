"""Where overlapping blocks lie and how their contributions are blended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Blocks:
    """Blocks of one shape (h, w) that cover a field (Y, X), overlapping by half.

    Args:
        size: (Y, X) px of the field.
        block: (h, w) px; never larger than the field.
        corners: (N, 2) row and column of each block's first pixel.
    """

    size: tuple[int, int]
    block: tuple[int, int]
    corners: np.ndarray

    @classmethod
    def cover(cls, size: tuple[int, int], edge: int) -> Blocks:
        """Square blocks of `edge` px, shifted inwards at the far border so that all have the same shape."""
        block = (min(edge, size[0]), min(edge, size[1]))
        rows, columns = (_starts(length, part) for length, part in zip(size, block, strict=True))
        corners = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
        return cls(size, block, corners)

    def __len__(self) -> int:
        return len(self.corners)

    def pixels(self) -> np.ndarray:
        """(N, h·w) indices of each block's pixels in C order of the field."""
        inside = np.arange(self.block[0])[:, None] * self.size[1] + np.arange(self.block[1])
        return (self.corners @ np.array([self.size[1], 1]))[:, None] + inside.ravel()

    def pyramid(self) -> np.ndarray:
        """(h·w,) blending weight: 1 at the border, growing by 1 per pixel towards the middle."""
        rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 1.0 for n in self.block)
        return np.minimum(rows[:, None], columns).ravel().astype(np.float32)

    def largest(self, values: np.ndarray) -> np.ndarray:
        """(N,) one value per block -> (Y, X) the largest of those of the blocks over each pixel; for pictures."""
        image = np.zeros(self.size, np.int32)
        for (row, column), value in zip(self.corners, values, strict=True):
            area = image[row : row + self.block[0], column : column + self.block[1]]
            np.maximum(area, value, out=area)
        return image


def blend(blocks: Blocks, rank: np.ndarray, bases: np.ndarray) -> tuple[sparse.csc_array, sparse.csc_array]:
    """Local orthonormal bases and blended ones, (P, R): pyramid weights over the sum of those blocks that kept something.

    Args:
        rank: (N,) components of each block.
        bases: (R, h·w) their images, block after block.
    """
    pixels = blocks.pixels()
    weight = blocks.pyramid()
    total = np.zeros(blocks.size[0] * blocks.size[1], np.float32)
    for block in np.flatnonzero(rank):
        total[pixels[block]] += weight
    owner = np.repeat(np.arange(len(blocks)), rank)
    rows = pixels[owner]
    indptr = np.arange(len(owner) + 1) * weight.size
    shape = (len(total), len(owner))
    local = sparse.csc_array((bases.ravel(), rows.ravel(), indptr), shape=shape)
    share = weight / total[rows] if len(owner) else np.zeros_like(bases)
    return local, sparse.csc_array(((bases * share).ravel(), rows.ravel(), indptr), shape=shape)


def _starts(length: int, part: int) -> np.ndarray:
    step = max(1, part // 2)
    return np.unique(np.append(np.arange(0, length - part, step), length - part))
