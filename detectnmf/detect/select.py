"""Which frames of the sparsened movie the network is shown, and where (maskNMF, "Component identification").

Lengths in movie pixels follow from the cell diameter: the network sees square tiles of 8 diameters, resized to its own crop;
patches of 5/3 diameters (20 px for a soma of 12 px) each choose their brightest frames, so that dim regions get theirs too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from detectnmf.compressed import Compressed
from detectnmf.detect.network import CROP, DIAMETER
from detectnmf.runtime import Runtime

PATCH = 5 / 3  # diameters
STRIDE = 2 / 3  # of a tile's edge


@dataclass(frozen=True)
class Selection:
    """Frames chosen for each patch, and the tiles in which they are shown.

    Args:
        edge: of a tile (movie px); it is resized to CROP network px.
        patch: edge of a patch (movie px).
        corners: (N, 2) first row and column of each tile; may lie outside the field, which is then padded with 0.
        tile_of: (rows, columns) of patches -> the tile that shows it.
        chosen: (T, rows, columns) True where the patch chose the frame.
    """

    edge: int
    patch: int
    corners: np.ndarray
    tile_of: np.ndarray
    chosen: np.ndarray

    def frames(self, tile: int) -> np.ndarray:
        """Frames that any patch of a tile chose."""
        return np.flatnonzero(self.chosen[:, self.tile_of == tile].any(1))

    def counts(self, tile: int, frame: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Whether a detection centred at (row, column) lies in a patch of the tile that chose its frame."""
        i = np.clip(row.astype(int) // self.patch, 0, self.tile_of.shape[0] - 1)
        j = np.clip(column.astype(int) // self.patch, 0, self.tile_of.shape[1] - 1)
        return (self.tile_of[i, j] == tile) & self.chosen[frame, i, j]


def select(movie: Compressed, diameter: float, per_patch: int, runtime: Runtime) -> Selection:
    """Choose each patch's `per_patch` brightest frames among those that are brighter than the frames next to them."""
    rows, columns = movie.size
    edge = max(8, round(CROP * diameter / DIAMETER))
    patch = max(2, round(PATCH * diameter))
    peaks = _patch_peaks(movie, patch, runtime)  # (T, i, j)
    lonely = peaks > 0
    lonely[1:] &= peaks[1:] >= peaks[:-1]
    lonely[:-1] &= peaks[:-1] > peaks[1:]
    ranked = np.where(lonely, peaks, 0.0)
    count = min(per_patch, len(ranked))
    limit = np.partition(ranked, len(ranked) - count, axis=0)[len(ranked) - count]
    corners = np.stack(np.meshgrid(_starts(rows, edge), _starts(columns, edge), indexing="ij"), -1).reshape(-1, 2)
    middles = (np.indices(peaks.shape[1:]).transpose(1, 2, 0) + 0.5) * patch
    distance = np.abs(middles[:, :, None] - (corners + edge / 2)).max(-1)
    return Selection(edge, patch, corners, distance.argmin(-1), lonely & (ranked >= limit))


def _starts(length: int, edge: int) -> np.ndarray:
    if length <= edge:
        return np.array([(length - edge) // 2])
    count = 1 + int(np.ceil((length - edge) / (STRIDE * edge)))
    return np.round(np.linspace(0, length - edge, count)).astype(int)


def _patch_peaks(movie: Compressed, patch: int, runtime: Runtime) -> np.ndarray:
    pixels = movie.size[0] * movie.size[1]
    step = runtime.batch(pixels * 4 * 4, most=500)
    parts = []
    for start in range(0, len(movie), step):
        frames = movie.frames(slice(start, start + step)).T.reshape(-1, 1, *movie.size)
        parts.append(functional.max_pool2d(frames, patch, ceil_mode=True)[:, 0].cpu().numpy())
    return np.concatenate(parts)


def resize(images: Tensor, edge: int) -> Tensor:
    """(n, h, w) -> (n, edge, edge), bilinear, averaging where it shrinks."""
    if images.shape[-1] == edge:
        return images
    shrinks = images.shape[-1] > edge
    out = functional.interpolate(images[:, None], (edge, edge), mode="bilinear", antialias=shrinks, align_corners=False)
    return out[:, 0]


def tile_frames(movie: Compressed, selection: Selection, tile: int, frames: np.ndarray) -> Tensor:
    """(n, edge, edge) chosen frames of one tile, in units of noise; only the tile's pixels are computed."""
    top, left = selection.corners[tile].tolist()
    rows, columns = movie.size
    first, last = max(top, 0), min(top + selection.edge, rows)
    band = movie.U.rows(first * columns, last * columns) @ movie.V[:, torch.as_tensor(frames, device=movie.device)].contiguous()
    return crop(band.T.reshape(len(frames), last - first, columns), top - first, left, selection.edge)


def crop(images: Tensor, top: int, left: int, edge: int) -> Tensor:
    """(n, h, w) -> (n, edge, edge) whose first pixel is (top, left), either of which may be negative; 0 outside of the images."""
    inside = images[:, max(top, 0) : max(top + edge, 0), max(left, 0) : max(left + edge, 0)]
    above, before = max(-top, 0), max(-left, 0)
    return functional.pad(inside, (before, edge - before - inside.shape[2], above, edge - above - inside.shape[1]))
