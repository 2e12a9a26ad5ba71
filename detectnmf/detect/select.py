"""Which frames of the sparsened movie the network is shown, and in which tiles.

maskNMF ("Component identification") takes the n brightest frames of each local patch, so that dim regions get theirs, too. Bright cells
then take most of the frames of their patch, and dim cells beside them are never looked at. Here every place is to be seen near its own
brightest: frames are added as long as they show some places better, relative to their best, than the frames chosen before. That many
frames make one look; further looks start anew with the frames that are left.

Lengths in movie pixels follow from the cell diameter: the network sees square tiles of 8 diameters, resized to its own crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn import functional

from detectnmf.compressed import Compressed
from detectnmf.detect.network import CROP, DIAMETER
from detectnmf.runtime import Runtime

PLACES = 4  # along a diameter
STRIDE = 2 / 3  # of a tile's edge
FLOOR = 0.2  # noise units added to the best level of each place, so that noise has no best worth seeing
LIT = 0.25  # a frame may be chosen where a place peaks at so much of its best
GAIN = 0.15  # soma areas that a further frame must show at their best


@dataclass(frozen=True)
class Selection:
    """Tiles, and the frames in which each is shown.

    Args:
        edge: of a tile (movie px); it is resized to CROP network px.
        place: edge of a place (movie px).
        corners: (N, 2) first row and column of each tile; may lie outside the field, which is then padded with 0.
        tile_of: (rows, columns) of places -> the tile that shows it best.
        frames: for each tile, in order of time.
    """

    edge: int
    place: int
    corners: np.ndarray
    tile_of: np.ndarray
    frames: tuple[np.ndarray, ...]

    def tile_at(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """The tile that shows what is centred at (row, column), in px, most fully."""
        i = np.clip(row.astype(int) // self.place, 0, self.tile_of.shape[0] - 1)
        j = np.clip(column.astype(int) // self.place, 0, self.tile_of.shape[1] - 1)
        return np.asarray(self.tile_of[i, j])


def select(movie: Compressed, diameter: float, looks: int, runtime: Runtime) -> Selection:
    """Choose tiles and frames; `diameter` in px, `looks` at every place."""
    rows, columns = movie.size
    edge = max(8, round(CROP * diameter / DIAMETER))
    place = max(1, round(diameter / PLACES))
    tops, lefts = _starts(rows, edge), _starts(columns, edge)
    corners = np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)
    shape = -(-rows // place), -(-columns // place)
    middles = (np.indices(shape).transpose(1, 2, 0) + 0.5) * place
    tile_of = np.abs(middles[:, :, None] - (corners + edge / 2)).max(-1).argmin(-1)
    least = GAIN * np.pi / 4 * (diameter / place) ** 2
    frames: list[np.ndarray] = []
    for band in runtime.progress(
        range(len(tops)), "choose frames"
    ):  # one row of tiles after the other, so that no more than a band × T is held
        tiles = range(band * len(lefts), (band + 1) * len(lefts))
        inside = np.flatnonzero(np.isin(tile_of, tiles).any(1))
        levels = _levels(movie, place, int(inside[0]), int(inside[-1]) + 1, runtime) if len(inside) else np.zeros((len(movie), 0, 0))
        for tile in tiles:
            own = tile_of[inside] == tile
            frames.append(cover(levels[:, own].astype(np.float32), looks, least))
    return Selection(edge, place, corners, tile_of, tuple(frames))


def _starts(length: int, edge: int) -> np.ndarray:
    if length <= edge:
        return np.array([(length - edge) // 2])
    count = 1 + int(np.ceil((length - edge) / (STRIDE * edge)))
    return np.round(np.linspace(0, length - edge, count)).astype(int)


def _levels(movie: Compressed, place: int, first: int, last: int, runtime: Runtime) -> np.ndarray:
    """(T, n, columns) float16: mean positive level of the places of rows first..last, in units of noise."""
    rows, columns = movie.size
    top, bottom = first * place, min(last * place, rows)
    band = movie.U.rows(top * columns, bottom * columns)

    def pooled(piece: slice) -> np.ndarray:
        frames = (band @ movie.V[:, piece].contiguous()).T.reshape(-1, 1, bottom - top, columns).clamp(min=0)
        return np.asarray(functional.avg_pool2d(frames, place, ceil_mode=True)[:, 0].half().cpu())

    step = runtime.batch((bottom - top) * columns * 4 * 3, most=500)
    return np.concatenate([part for _, part in runtime.pieces(len(movie), step, pooled)])


def cover(levels: np.ndarray, looks: int, least: float) -> np.ndarray:
    """Frames that show every place near its brightest, `looks` times, each time with as few frames as a greedy choice finds.

    Args:
        levels: (T, p) >= 0, in units of noise.
        least: a frame is worth it when it raises the levels of places, relative to their best, by so much in all.

    Returns:
        Indices in order of time; of frames beside each other that show one event, the brighter one.
    """
    if not levels.size:
        return np.zeros(0, int)
    relative = levels / (levels.max(0) + FLOOR)
    peak = relative >= LIT
    peak[1:] &= relative[1:] >= relative[:-1]
    peak[:-1] &= relative[:-1] > relative[1:]
    candidates = np.flatnonzero(peak.any(1))
    relative = np.ascontiguousarray(relative[candidates])
    total = relative.sum(1)
    free = np.ones(len(candidates), bool)
    for _ in range(looks):
        shown = np.zeros(levels.shape[1], np.float32)
        bound = np.where(free, total, 0)  # a frame's gain only falls as others are chosen: what it was bounds what it is
        while len(bound):
            best = int(bound.argmax())
            if bound[best] < least:
                break
            gain = float(np.maximum(relative[best] - shown, 0).sum())
            bound[best] = gain
            if gain >= least and gain >= bound.max():
                np.maximum(shown, relative[best], out=shown)
                bound[best], free[best] = 0, False
    return candidates[~free]


def resize(images: Tensor, edge: int) -> Tensor:
    """(n, h, w) or (n, c, h, w) -> the same with h = w = edge, bilinear, averaging where it shrinks."""
    if images.shape[-1] == edge:
        return images
    shrinks = images.shape[-1] > edge
    several = images if images.ndim == 4 else images[:, None]
    out = functional.interpolate(several, (edge, edge), mode="bilinear", antialias=shrinks, align_corners=False)
    return out if images.ndim == 4 else out[:, 0]


def crop(images: Tensor, top: int, left: int, edge: int) -> Tensor:
    """(n, h, w) -> (n, edge, edge) whose first pixel is (top, left), either of which may be negative; 0 outside of the images."""
    inside = images[:, max(top, 0) : max(top + edge, 0), max(left, 0) : max(left + edge, 0)]
    above, before = max(-top, 0), max(-left, 0)
    return functional.pad(inside, (before, edge - before - inside.shape[2], above, edge - above - inside.shape[1]))
