"""`Detrend`: light relative to its own slow drift, so that what is left is signed: F / F0, 1 at rest (oxygen dips, "Our approach")."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from detectnmf.enhance.neural import missing_samples
from detectnmf.errors import UserError
from detectnmf.recording import Frames, Recording
from detectnmf.runtime import Runtime

SAMPLE = 200  # frames, evenly spread, whose mean is the picture of the field
KNOTS = 8  # at which the baseline is found, per window
DIM = 0.02  # of the field's median light: dimmer pixels are not divided by
COPIES = 3  # of a piece of the movie that are held at once


@dataclass(frozen=True)
class Detrend:
    """Slow drift removed: first what the whole field does as one, then a running median over time of each square of pixels.

    F0(x, t) = picture(x) · gain(t) · slow(x, t). The gain takes away bleaching, a wandering lamp and its jumps without blurring them;
    the running median follows what drifts locally, and passes over events that last less than a quarter of its window.

    Args:
        window: of the running median (s); at least four times the longest event.
        edge: of the squares of pixels that share a baseline (µm); the baseline is interpolated between them.
        gain: take away the whole field's own course.
        relative: divide by the baseline (F / F0, at rest 1); False subtracts it, for movies without a zero (at rest 0, recording's units).
        offset: what the camera counts in the dark; dips look too shallow if it is left in.
    """

    window: float = 120.0
    edge: float = 20.0
    gain: bool = True
    relative: bool = True
    offset: float = 0.0

    def __post_init__(self) -> None:
        for name in ("window", "edge"):
            if not getattr(self, name) > 0:
                raise UserError(f"enhance.{name} must be above 0, got {getattr(self, name)}")

    def __call__(self, recording: Recording, diameter: float | None, runtime: Runtime) -> Recording:
        """The recording, detrended on reading; float32. One pass over the movie finds the field's picture and its course.

        Raises:
            UserError: light at or below 0, so that there is no relative change.
        """
        name, frames = recording.path or recording.name, len(recording)
        picture = self._picture(recording, runtime)
        dim = self._dim(picture, name)
        squares = Squares.of(recording.size, max(1, round(self.edge / recording.pixel_size)), ~dim & np.isfinite(picture))
        gain = self._gain(recording, picture, squares, runtime) if self.gain else np.ones(frames, np.float32)
        half = max(2, round(self.window * recording.rate / 2))
        source = Detrended(recording.frames, self, picture, gain, squares, half, runtime)
        bad = dim if recording.bad_pixels is None else dim | recording.bad_pixels
        told = f"slow drift over {self.window:g} s was {'divided out' if self.relative else 'subtracted'}"
        if 2 * half >= frames:
            told += f", which is no less than the {frames / recording.rate:g} s of the recording: one baseline for all of it"
        if dim.any():
            told += f"; {dim.sum()} of {dim.size} pixels are too dark to say how much they change"
        return replace(recording, frames=source, bad_pixels=bad if bad.any() else None, notes=(*recording.notes, told))

    def _picture(self, recording: Recording, runtime: Runtime) -> np.ndarray:
        """(Y, X) mean over some frames, above the offset."""
        total, count = np.zeros(recording.size), np.zeros(recording.size)
        for frame in np.unique(np.linspace(0, len(recording) - 1, SAMPLE).astype(int)):
            values = valid(recording.frames[int(frame) : int(frame) + 1])[0]
            there = np.isfinite(values)
            total[there] += values[there]
            count += there
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / count - self.offset, np.float32)

    def _dim(self, picture: np.ndarray, name: str) -> np.ndarray:
        """(Y, X) True where light is too little to divide by."""
        if not self.relative:
            return np.zeros(picture.shape, bool)
        middle = float(np.nanmedian(picture)) if np.isfinite(picture).any() else 0.0
        if not middle > 0:
            which = f"above enhance.offset={self.offset:g}" if self.offset else "above 0"
            raise UserError(
                f"{name}: the median light is {middle:.3g}, not {which}, so there is no relative change (dF/F); "
                "set enhance.offset to what the camera counts in the dark, or enhance.relative=false to subtract the drift only"
            )
        with np.errstate(invalid="ignore"):
            return ~(picture > DIM * middle) & np.isfinite(picture)

    def _gain(self, recording: Recording, picture: np.ndarray, squares: Squares, runtime: Runtime) -> np.ndarray:
        """(T,) what the field does as one: median over squares of their light relative to the picture."""
        gain = np.ones(len(recording), np.float32)
        level = squares.means(picture[None])[0]
        for piece, frames in recording.chunks(runtime.batch(picture.size * 4 * COPIES, most=256)):
            light = squares.means(valid(frames) - self.offset)
            with np.errstate(invalid="ignore"):
                change = light / level if self.relative else light - level
            gain[piece] = [np.median(one[np.isfinite(one)]) if np.isfinite(one).any() else np.nan for one in change]
        there = np.isfinite(gain) & (gain > 0 if self.relative else True)
        if not there.any():
            return np.full(len(gain), 1.0 if self.relative else 0.0, np.float32)
        return np.interp(np.arange(len(gain)), np.flatnonzero(there), gain[there]).astype(np.float32)


@dataclass(frozen=True)
class Squares:
    """Squares of `edge` pixels that cover the frame, with the usable ones among their pixels."""

    edge: int
    size: tuple[int, int]
    good: np.ndarray  # (Y, X)

    @classmethod
    def of(cls, size: tuple[int, int], edge: int, good: np.ndarray) -> Squares:
        return cls(min(edge, *size), size, good)

    def means(self, frames: np.ndarray) -> np.ndarray:
        """(n, Y, X) -> (n, rows of squares, columns of squares), means over usable finite pixels; NaN where there is none."""
        there = np.isfinite(frames) & self.good
        total, count = (self._sums(x) for x in (np.where(there, frames, 0).astype(np.float32), there.astype(np.float32)))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / count)

    def _sums(self, frames: np.ndarray) -> np.ndarray:
        for axis in (1, 2):
            frames = np.add.reduceat(frames, np.arange(0, frames.shape[axis], self.edge), axis=axis)
        return frames

    def spread(self, coarse: np.ndarray) -> np.ndarray:
        """(n, rows, columns of squares) -> (n, Y, X), linear between the squares' centres."""
        for axis, length in ((1, self.size[0]), (2, self.size[1])):
            starts = np.arange(0, length, self.edge)
            centres = (starts + np.minimum(starts + self.edge, length) - 1) / 2
            place = np.interp(np.arange(length), centres, np.arange(len(centres)))
            low = np.minimum(place.astype(int), max(len(centres) - 2, 0))
            high = np.minimum(low + 1, len(centres) - 1)
            share = (place - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
            coarse = np.take(coarse, low, axis) * (1 - share) + np.take(coarse, high, axis) * share
        return coarse


@dataclass(frozen=True)
class Detrended:
    """Frames that are detrended when they are read, from themselves and the half window to either side."""

    source: Frames
    detrend: Detrend
    picture: np.ndarray
    gain: np.ndarray
    squares: Squares
    half: int  # frames
    runtime: Runtime

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __getitem__(self, index: slice) -> np.ndarray:
        wanted = range(len(self.gain))[index]
        if not len(wanted):
            return np.empty((0, *self.squares.size), np.float32)
        slow = self._slow(min(wanted), max(wanted) + 1)
        out = np.empty((len(wanted), *self.squares.size), np.float32)
        step = self.runtime.batch(out[0].nbytes * 2 * COPIES, most=256)
        for first in range(0, len(wanted), step):
            frames = list(wanted[first : first + step])
            light = self._level(valid(read(self.source, frames)), frames)
            rest = self.squares.spread(slow[np.array(frames) - min(wanted)])
            out[first : first + step] = light / rest if self.detrend.relative else light - rest
        return out

    def _level(self, frames: np.ndarray, which: list[int] | range) -> np.ndarray:
        """Light relative to the picture and to what the field does as one."""
        gain = self.gain[np.array(which)][:, None, None]
        frames = frames - self.detrend.offset
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(frames / (self.picture * gain) if self.detrend.relative else frames - self.picture - gain, np.float32)

    def _slow(self, start: int, stop: int) -> np.ndarray:
        """(stop - start, rows, columns of squares) the running median, found at knots and linear in between.

        Knots stand at multiples of their distance, so that the baseline does not depend on how the movie is sliced.
        """
        frames, gap = len(self.gain), max(1, 2 * self.half // KNOTS)
        knots = np.arange(start // gap, -(-(stop - 1) // gap) + 1) * gap
        low, high = max(0, knots[0] - self.half), min(frames, knots[-1] + self.half + 1)
        step = self.runtime.batch(self.picture.nbytes * COPIES, most=256)
        light = np.concatenate(
            [
                self.squares.means(self._level(valid(self.source[a : min(a + step, high)]), range(a, min(a + step, high))))
                for a in range(low, high, step)
            ]
        )
        level = np.stack([middle(light[max(0, k - self.half - low) : k + self.half + 1 - low]) for k in np.minimum(knots, frames - 1)])
        place = (np.arange(start, stop) - knots[0]) / gap
        below = np.minimum(place.astype(int), max(len(knots) - 2, 0))
        share = (place - below)[:, None, None].astype(np.float32)
        return level[below] * (1 - share) + level[np.minimum(below + 1, len(knots) - 1)] * share


def read(source: Frames, frames: list[int]) -> np.ndarray:
    """Frames with a constant step."""
    step = frames[1] - frames[0] if len(frames) > 1 else 1
    if step < 0:
        return np.asarray(source[frames[-1] : frames[0] + 1 : -step])[::-1]
    return np.asarray(source[frames[0] : frames[-1] + 1 : step])


def valid(raw: np.ndarray) -> np.ndarray:
    """float32, with NaN for saturated samples."""
    raw = np.asarray(raw)
    part = raw.astype(np.float32)
    missing = missing_samples(raw, part)
    if missing is not None:
        part[missing] = np.nan
    return part


def middle(light: np.ndarray) -> np.ndarray:
    """(rows, columns) median over time; squares without light take their neighbours'."""
    with np.errstate(all="ignore"):
        level = np.nanmedian(light, axis=0) if np.isnan(light).any() else np.median(light, axis=0)
    lost = ~np.isfinite(level)
    if lost.all():
        return np.ones_like(level)
    if lost.any():
        nearest = ndimage.distance_transform_edt(lost, return_distances=False, return_indices=True)
        level = level[tuple(nearest)]
    return level
