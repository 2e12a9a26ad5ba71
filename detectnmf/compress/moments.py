"""The first pass over a movie: mean, noise level, and a spatial basis of every block, with missing values masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """Stream the movie once; where an earlier run was interrupted, go on there.

    Args:
        averages: what gathers frames for the sketch.
        step: frames per chunk.
    """
    known = runtime.partial.load("moments")
    if isinstance(known, Moments):
        return known
    running = Running(recording, sketch, averages, runtime.torch_device)
    so_far = runtime.partial.load("first pass")
    if so_far is not None:
        running.restore(so_far)
    for piece, (data, mask) in runtime.pieces(len(recording), step, running.load, "compress 1/2", running.at):
        running.add(piece, data, mask)
        if runtime.partial.due and averages.filled <= step:  # as little as ever waits to be averaged
            runtime.partial.save("first pass", running.state())
    moments = running.finish()
    if runtime.partial.due:
        runtime.partial.save("moments", moments)
    return moments


class Running:
    """The first pass so far: frames before `at` are in the sums and, averaged, in the sketch.

    The sketch works with the mean of the first chunk and the noise known when it is first fed; its directions are carried over to
    the final noise at the end.
    """

    def __init__(self, recording: Recording, sketch: Sketch, averages: Averages, device: torch.device) -> None:
        self.recording, self.sketch, self.averages, self.device = recording, sketch, averages, device
        pixels = recording.size[0] * recording.size[1]
        self.sums = Sums(pixels, device)
        self.offset, self.scale = torch.zeros(pixels, device=device), torch.zeros(0)
        self.bad_frames = np.zeros(len(recording), bool) if recording.bad_frames is None else recording.bad_frames.astype(bool)
        self.at = 0

    def load(self, piece: slice) -> tuple[Tensor, Tensor | None]:
        """Frames (P, n) as they are, and what of them is there and good; None if all is."""
        data, there = load_chunk(self.recording[piece], self.device)
        bad = self.bad_frames[piece].copy()
        if there is not None:
            bad |= (there.float().mean(0) < 0.5).cpu().numpy()
        if not bad.any():
            return data, there
        good = torch.from_numpy(~bad).to(self.device)
        return data, good.expand_as(data) if there is None else there & good

    def add(self, piece: slice, data: Tensor, mask: Tensor | None) -> None:
        """What `load` gave; it is changed."""
        if mask is not None:
            self.bad_frames[piece] |= (mask.float().mean(0) < 0.5).cpu().numpy()
        if piece.start == 0:
            self.offset = data.mean(1) if mask is None else (data * mask).sum(1) / mask.sum(1).clamp(min=1)
        data -= self.offset[:, None]
        if mask is not None:
            data *= mask
        self.sums.add(data, mask)
        bad = self.bad_frames[piece]
        if bad.any():
            data = data[:, torch.from_numpy(~bad).to(self.device)]
        while data.shape[1]:
            space = self.averages.space
            self.averages.add(data[:, :space])
            data = data[:, space:]
            if not self.averages.space:
                self._feed()
        self.at = piece.stop

    def _feed(self) -> None:
        if not len(self.scale):
            self.scale = usual(self.sums.noise.float())
        self.sketch.add(self.averages.finished.div_(self.scale[:, None]))
        self.averages.clear()

    def state(self) -> dict[str, Any]:
        """All that a later run needs to go on."""
        waiting = -(-self.averages.filled // self.averages.frames)
        return {
            "own": {name: getattr(self, name) for name in ("offset", "scale", "bad_frames", "at")},
            "sums": vars(self.sums),
            "averages": {"filled": self.averages.filled, "store": self.averages.store[:, :waiting]},
            "sketch": {name: getattr(self.sketch, name) for name in ("directions", "mean", "frames")},
        }

    def restore(self, state: dict[str, Any]) -> None:
        vars(self).update(state["own"])
        vars(self.sums).update(state["sums"])
        vars(self.sketch).update(state["sketch"])
        self.averages.filled = state["averages"]["filled"]
        waiting = state["averages"]["store"]
        self.averages.store[:, : waiting.shape[1]] = waiting

    def finish(self) -> Moments:
        """What is left in the averages goes into the sketch, and the sums become means and noise levels."""
        self._feed()
        recording, sums = self.recording, self.sums
        mean = sums.total / sums.count.clamp(min=1)
        variance = (sums.square / sums.count.clamp(min=1) - mean.square()).clamp(min=0)
        quantum = 1 / np.sqrt(12) if np.issubdtype(recording.dtype, np.integer) else 0.0
        std = torch.maximum(sums.noise, 1e-3 * variance.sqrt()).clamp(min=quantum)
        usable = len(recording) - int(self.bad_frames.sum())
        level = (mean + self.offset).abs().clamp(min=1e-30)
        bad_pixels = (sums.count < 0.5 * max(usable, 1)) | (variance <= (1e-6 * level) ** 2)
        if recording.bad_pixels is not None:
            bad_pixels |= torch.from_numpy(recording.bad_pixels.ravel().astype(bool)).to(bad_pixels.device)
        std[bad_pixels] = 1.0
        rescale = torch.where(bad_pixels, 0.0, self.scale / std).float()
        return Moments(
            mean=(mean + self.offset).float(),
            std=std.float(),
            directions=self.sketch.rescaled(rescale),
            bins=self.sketch.frames,
            bad_pixels=bad_pixels,
            bad_frames=self.bad_frames,
            missing=int((usable - sums.count)[~bad_pixels].sum()),
        )


def usual(noise: Tensor) -> Tensor:
    """Noise levels (P,) of which none is far below the usual one, as it is at pixels that are constant."""
    lively = noise[noise > 0]
    return noise.clamp(min=float(lively.median()) * 0.2 if len(lively) else 1.0)
