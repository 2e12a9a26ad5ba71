"""One look at every frame of a simulated movie: summary images and a few pixels over time, in as little memory as it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from detectnmf.simulate.movie import BLOCK
from detectnmf.simulate.simulator import Simulated

PATCH = 5  # px
DARK = 1e-3  # pixels that vary less than this share of the most are not correlated with others


@dataclass(frozen=True)
class Watched:
    """What was seen, in counts.

    Args:
        mean, maximum, std: (Y, X) over time.
        correlation: (Y, X) mean correlation of a pixel with its four neighbours.
        course: (T,) mean of each frame. ground: (T,) of PATCH x PATCH pixels far from all cells that count.
        frame: (Y, X) the frame in which most of the cells' light is on; `moment`: its number.
        cells: (n,) cells that are shown, from the best SNR to the median. pixels: (n,) their brightest pixels.
        seen: (n, T) the movie at these pixels. true: (n, T) what the cell alone does there, upon its mean level.
    """

    mean: np.ndarray
    maximum: np.ndarray
    std: np.ndarray
    correlation: np.ndarray
    course: np.ndarray
    ground: np.ndarray
    frame: np.ndarray
    moment: int
    cells: np.ndarray
    pixels: np.ndarray
    seen: np.ndarray
    true: np.ndarray


def watch(simulated: Simulated, shown: int = 6) -> Watched:
    """Go once over the movie; `shown` cells at most are followed."""
    truth, movie = simulated.truth, simulated.recording.frames
    frames, *size = simulated.recording.shape
    assert truth.cells.traces is not None
    order = np.argsort(-truth.quality["snr"])
    shown = min(shown, len(order))
    cells = order[np.linspace(0, max(len(order) // 2, shown - 1), shown).astype(np.int64)] if shown else order
    pixels = np.array([truth.cells.footprints[:, [int(k)]].toarray().argmax() for k in cells], np.int64)
    traces = truth.cells.traces
    light = (np.abs(traces) / np.maximum(np.abs(traces).max(axis=1, keepdims=True), 1e-12)).sum(axis=0) if len(order) else np.zeros(frames)
    blank = truth.history.get("blank")
    moment = int(np.where(blank, -1.0, light).argmax()) if blank is not None else int(light.argmax())

    first, second, top = np.zeros(size), np.zeros(size), np.full(size, -np.inf)
    down, right = np.zeros((size[0] - 1, size[1])), np.zeros((size[0], size[1] - 1))
    seen, course, ground, frame, offset = np.zeros((len(cells), frames)), np.zeros(frames), np.zeros(frames), np.zeros(size), 0.0
    patch = _far(truth.cells.footprints.sum(axis=1), size)
    for start in range(0, frames, BLOCK):
        block = np.asarray(movie[slice(start, min(start + BLOCK, frames))], np.float32)
        if start == 0:
            offset = float(block.mean())  # sums of squares of small numbers lose nothing
        top = np.maximum(top, block.max(axis=0))
        seen[:, start : start + len(block)] = block.reshape(len(block), -1)[:, pixels].T
        course[start : start + len(block)] = block.mean(axis=(1, 2), dtype=float)
        ground[start : start + len(block)] = block[:, *patch].mean(axis=(1, 2), dtype=float)
        if start <= moment < start + len(block):
            frame = block[moment - start].astype(float)
        block = block - np.float32(offset)
        first += block.sum(axis=0, dtype=float)
        second += np.einsum("tyx,tyx->yx", block, block)
        down += np.einsum("tyx,tyx->yx", block[:, 1:], block[:, :-1])
        right += np.einsum("tyx,tyx->yx", block[:, :, 1:], block[:, :, :-1])
    mean = first / frames
    std = np.sqrt(np.maximum(second / frames - mean**2, 0))
    peaks = np.array([truth.cells.footprints[[int(p)], [int(k)]][0] for p, k in zip(pixels, cells, strict=True)])
    true = peaks[:, None] * traces[cells] if len(cells) else np.zeros((0, frames))
    level = seen.mean(axis=1, keepdims=True) - true.mean(axis=1, keepdims=True)
    lit = np.where(std > DARK * std.max(initial=0), std, 0)
    correlation = _correlation(mean, lit, down / frames, right / frames)
    return Watched(mean + offset, top, std, correlation, course, ground, frame, moment, cells, pixels, seen, true + level)


def _far(light: np.ndarray, size: list[int]) -> tuple[slice, slice]:
    """The patch that lies farthest from all that is lit; in the middle where nothing is."""
    dark = np.asarray(light).reshape(size) <= 0
    inside = np.zeros(size, bool)
    inside[PATCH // 2 : size[0] - PATCH // 2, PATCH // 2 : size[1] - PATCH // 2] = True
    far = np.where(inside, ndimage.distance_transform_edt(np.pad(dark, 1))[1:-1, 1:-1], -1)
    y, x = np.unravel_index(int(far.argmax()), far.shape)
    return slice(y - PATCH // 2, y + PATCH // 2 + 1), slice(x - PATCH // 2, x + PATCH // 2 + 1)


def _correlation(mean: np.ndarray, std: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(Y, X) mean over the neighbours of (E[ab] - E[a] E[b]) / (σa σb)."""
    total, count = np.zeros_like(mean), np.zeros_like(mean)
    for axis, product in ((0, down), (1, right)):
        ends = [tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))]
        ends.append(tuple(slice(None, -1) if a == axis else slice(None) for a in (0, 1)))
        spread = std[ends[0]] * std[ends[1]]
        value = np.where(spread > 0, (product - mean[ends[0]] * mean[ends[1]]) / np.maximum(spread, 1e-12), 0)
        for end in ends:
            total[end] += value
            count[end] += 1
    return total / np.maximum(count, 1)
