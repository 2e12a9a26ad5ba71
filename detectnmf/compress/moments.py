"""The first pass over a movie: mean, noise level, and a spatial basis of every block, with missing values masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detectnmf.compress.sketch import Sketch
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

LARGEST = 1e15  # what is larger is a mark for a missing value, and its square would overflow
TILE_BYTES = 2**20  # of pixels x frames worked on at a time on a CPU, so that all steps stay in the cache


@dataclass(frozen=True)
class Moments:
    """What the first pass leaves: per pixel in C order, on the runtime's device.

    Args:
        mean: (P,) mean over valid samples, recording's units.
        std: (P,) noise level, recording's units; 1 at bad pixels.
        directions: (N, n, L) of each block's pixels, strongest first, with noise of variance 1; zero at bad pixels.
        bins: averaged frames in which the directions were found.
        bad_pixels: (P,) constant, or missing in more than half of the frames.
        bad_frames: (T,) more than half of the pixels missing, or known beforehand to be bad.
        missing: number of single samples missing outside of bad frames and pixels.
    """

    mean: Tensor
    std: Tensor
    directions: Tensor
    bins: int
    bad_pixels: Tensor
    bad_frames: np.ndarray
    missing: int


def load_chunk(raw: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Frames (n, Y, X) as float32 (P, n) with missing samples 0, and the mask of what is there (None if all is).

    Missing is what is not a number of a usable size, and for integers the largest value of the type: a saturated sample.
    """
    flat = raw.reshape(len(raw), -1)
    there: np.ndarray | None = None
    if np.issubdtype(flat.dtype, np.integer):
        top = np.iinfo(flat.dtype).max
        if flat.max(initial=0) == top:
            there = flat != top
    else:
        with np.errstate(invalid="ignore"):
            low, high = flat.min(initial=0), flat.max(initial=0)  # NaN spreads
            if not (low > -LARGEST and high < LARGEST):
                there = np.abs(flat) < LARGEST
    if there is not None:
        flat = np.where(there, flat, 0)
    data = torch.from_numpy(np.array(flat.T, np.float32, order="C")).to(device)
    return data, None if there is None else torch.from_numpy(np.array(there.T, order="C")).to(device)


def tiles(pixels: int, frames: int, device: torch.device) -> list[slice]:
    """Consecutive pixels whose `frames` fit into the cache; all of them at once on a GPU."""
    step = pixels if device.type != "cpu" else max(64, TILE_BYTES // (4 * max(frames, 1)))
    return [slice(start, min(start + step, pixels)) for start in range(0, pixels, step)]


class Sums:
    """Running sums of each pixel over the frames seen so far: of values, of squares, of squared second differences.

    Noise is estimated from second differences, which slow signals bias little.
    """

    def __init__(self, pixels: int, device: torch.device) -> None:
        self.total, self.square, self.count, self.rough, self.pairs = (
            torch.zeros(pixels, dtype=torch.float64, device=device) for _ in range(5)
        )
        self.tail: tuple[Tensor, Tensor | None] | None = None  # the last two frames

    def add(self, data: Tensor, mask: Tensor | None) -> None:
        """Centred frames (P, n), zero where the mask is False."""
        pixels, frames = data.shape
        before, tail = self.tail, []
        if before is not None and (mask is None) != (before[1] is None):  # one of the two has gaps
            mask = torch.ones_like(data, dtype=torch.bool) if mask is None else mask
            before = before[0], before[1] if before[1] is not None else torch.ones_like(before[0], dtype=torch.bool)
        for part in tiles(pixels, frames, data.device):
            values, here = data[part], None if mask is None else mask[part]
            self.total[part] += values.sum(1)
            self.square[part] += torch.linalg.vecdot(values, values)
            self.count[part] += frames if here is None else here.sum(1)
            if before is not None:
                values = torch.cat([before[0][part], values], dim=1)
                here = None if here is None or before[1] is None else torch.cat([before[1][part], here], dim=1)
            tail.append((values[:, -2:].clone(), None if here is None else here[:, -2:].clone()))
            step = values[:, 1:] - values[:, :-1]
            bend = step[:, 1:] - step[:, :-1]
            if here is None:
                self.pairs[part] += bend.shape[1]
            else:
                whole = here[:, :-2] & here[:, 1:-1] & here[:, 2:]
                bend *= whole
                self.pairs[part] += whole.sum(1)
            self.rough[part] += torch.linalg.vecdot(bend, bend)
        self.tail = (
            torch.cat([values for values, _ in tail]),
            None if mask is None else torch.cat([here for _, here in tail if here is not None]),
        )

    @property
    def noise(self) -> Tensor:
        return (self.rough / self.pairs.clamp(min=1) / 6).sqrt()


class Averages:
    """Averages of `frames` consecutive good frames with the noise of one frame, gathered until there are `room` of them."""

    def __init__(self, pixels: int, frames: int, room: int, device: torch.device) -> None:
        self.frames = frames
        self.store = torch.zeros(pixels, room, device=device)
        self.filled = 0  # frames; the last average may be unfinished

    @property
    def space(self) -> int:
        """Frames that fit until it is full."""
        return self.store.shape[1] * self.frames - self.filled

    def add(self, data: Tensor) -> None:
        """Frames (P, n), no more than there is space for."""
        frame = torch.arange(data.shape[1], device=data.device)
        at = (self.filled + frame) // self.frames
        first, last = self.filled // self.frames, (self.filled + data.shape[1] - 1) // self.frames + 1
        share = torch.zeros(data.shape[1], last - first, device=data.device)
        share[frame, at - first] = self.frames**-0.5
        self.store[:, first:last].addmm_(data, share)
        self.filled += data.shape[1]

    @property
    def finished(self) -> Tensor:
        """(P, t) a view."""
        return self.store[:, : self.filled // self.frames]

    def clear(self) -> None:
        self.store.zero_()
        self.filled = 0


def first_pass(recording: Recording, sketch: Sketch, averages: Averages, step: int, runtime: Runtime) -> Moments:
    """Stream the movie once.

    The sketch works with the mean of the first chunk and the noise known when it is first fed; its directions are carried over to
    the final noise at the end.

    Args:
        averages: what gathers frames for the sketch.
        step: frames per chunk.
    """
    device = runtime.torch_device
    frames, pixels = len(recording), recording.size[0] * recording.size[1]
    bad_frames = np.zeros(frames, bool) if recording.bad_frames is None else recording.bad_frames.astype(bool)
    sums = Sums(pixels, device)
    offset, scale = torch.zeros(pixels, device=device), torch.zeros(0)

    def feed() -> None:
        nonlocal scale
        if not len(scale):
            scale = usual(sums.noise.float())
        sketch.add(averages.finished.div_(scale[:, None]))
        averages.clear()

    for piece, raw in runtime.progress(recording.chunks(step), "compress 1/2", -(-frames // step)):
        data, there = load_chunk(raw, device)
        if there is not None:
            bad_frames[piece] |= (there.float().mean(0) < 0.5).cpu().numpy()
        good = torch.from_numpy(~bad_frames[piece]).to(device)
        mask = there
        if not good.all():
            mask = good.expand_as(data) if there is None else there & good
        if piece.start == 0:
            offset = data.mean(1) if mask is None else (data * mask).sum(1) / mask.sum(1).clamp(min=1)
        data -= offset[:, None]
        if mask is not None:
            data *= mask
        sums.add(data, mask)
        if not good.all():
            data = data[:, good]
        while data.shape[1]:
            space = averages.space
            averages.add(data[:, :space])
            data = data[:, space:]
            if not averages.space:
                feed()
    feed()
    return _finish(recording, sums, offset, scale, sketch, bad_frames)


def usual(noise: Tensor) -> Tensor:
    """Noise levels (P,) of which none is far below the usual one, as it is at pixels that are constant."""
    lively = noise[noise > 0]
    return noise.clamp(min=float(lively.median()) * 0.2 if len(lively) else 1.0)


def _finish(recording: Recording, sums: Sums, offset: Tensor, scale: Tensor, sketch: Sketch, bad_frames: np.ndarray) -> Moments:
    mean = sums.total / sums.count.clamp(min=1)
    variance = (sums.square / sums.count.clamp(min=1) - mean.square()).clamp(min=0)
    quantum = 1 / np.sqrt(12) if np.issubdtype(recording.dtype, np.integer) else 0.0
    std = torch.maximum(sums.noise, 1e-3 * variance.sqrt()).clamp(min=quantum)
    usable = len(recording) - int(bad_frames.sum())
    level = (mean + offset).abs().clamp(min=1e-30)
    bad_pixels = (sums.count < 0.5 * max(usable, 1)) | (variance <= (1e-6 * level) ** 2)
    if recording.bad_pixels is not None:
        bad_pixels |= torch.from_numpy(recording.bad_pixels.ravel().astype(bool)).to(bad_pixels.device)
    std[bad_pixels] = 1.0
    rescale = torch.where(bad_pixels, 0.0, scale / std).float()
    missing = int((usable - sums.count)[~bad_pixels].sum())
    return Moments((mean + offset).float(), std.float(), sketch.rescaled(rescale), sketch.frames, bad_pixels, bad_frames, missing)
