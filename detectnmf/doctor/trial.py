"""A run on a piece of the movie, with the very parts that the whole run would use: what is there, and what it costs."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft

from detectnmf.doctor.motion import Motion, estimate
from detectnmf.doctor.sample import STEP_BYTES, Sample
from detectnmf.errors import UserError
from detectnmf.pipeline import FEWEST_FRAMES, Pipeline
from detectnmf.recording import Recording
from detectnmf.register.none import NoRegistration
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.traces.baseline import RunningPercentile
from detectnmf.traces.decay import TRUE
from detectnmf.traces.rest import Rested

EDGE = 112  # px of the piece
WIDER = 192  # px, around the piece, that say how it has moved where it is too little to say so itself
FRAMES = 1000  # of the piece
LITTLE = 48, 128  # px and frames of the two runs before it: what is done once (loading the detector), and what is done in each run
FEW_FRAMES = 300  # of the piece, on however slow a machine
TRACES = 6  # brightest cells, for the decay: in dim ones it seems slower than it is
SEEN = 0.15  # px rms: what moves more is put in place first
GUESSED = "nothing shows how large"  # what the pipeline notes when it assumed a diameter


@dataclass(frozen=True)
class Trial:
    """What a piece of the movie showed.

    Args:
        result: of the piece. start: its first frame. window: its place.
        diameter: px, None where nothing showed it.
        snr: median of the cells' peak over noise. density: mean number of footprints over a pixel.
        decay: of a transient, frames; None without cells.
        once: s, of what is done once, however large a movie. pace: s for each pixel of each frame.
        rank: components of the compressed piece.
    """

    result: DemixResult
    start: int
    window: tuple[slice, slice]
    diameter: float | None
    snr: float | None
    density: float
    decay: float | None
    once: float
    pace: float
    rank: int


def attempt(
    sample: Sample, pipeline: Pipeline, runtime: Runtime, diameter: float | None, motion: Motion | None, seconds: float = 5.0
) -> Trial | str:
    """Run on the middle of the field; a sentence where that cannot be done.

    Args:
        diameter: px, as the user gave it.
        motion: where there is some, the frames of the piece are put in place first, as the run would; where the piece is too little for
            the run's way to see that it moves, as a whole, by what the doctor sees.
        seconds: that reading the piece may take, at the speed at which the sample was read; and what is done once: where this takes
            longer, the piece is shortened by as much.
    """
    recording = sample.recording
    most = int(len(sample.index) / max(sample.seconds, 1e-9) * seconds)
    frames = min(len(recording), FRAMES, max(most, 4 * FEWEST_FRAMES))
    if frames < FEWEST_FRAMES:
        return f"too short for a trial run: {len(recording)} frames"
    part = replace(recording, bad_frames=None, bad_pixels=None, notes=(), starts=())
    little = _little(part)
    once, again = (_taken(little, pipeline, runtime, diameter) for _ in range(2))
    frames = min(frames, max(FEW_FRAMES, int(FRAMES * seconds / max(once, 1e-9))))
    start = (len(recording) - frames) // 2
    window = _middle(sample.average.shape[0]), _middle(sample.average.shape[1])
    piece = replace(part, frames=_cut(recording, start, frames, window))
    quiet = replace(runtime, quiet=True)
    try:
        with quiet_pipeline():
            if motion is not None and motion.rms > SEEN and motion.sure < motion.rms:
                begun = time.perf_counter()
                registered = pipeline.register(piece, quiet)
                if registered.frames is None:
                    wider = _cut(recording, start, frames, (_middle(recording.size[0], WIDER), _middle(recording.size[1], WIDER)))
                    piece = replace(piece, frames=_in_place(piece[:], wider))
                else:
                    once += (time.perf_counter() - begun) * recording.size[0] * recording.size[1] / (piece.size[0] * piece.size[1])
                    piece = registered.recording
                pipeline = replace(pipeline, register=NoRegistration())
            result = pipeline(piece, quiet, diameter=diameter)
    except UserError as error:
        return str(error)
    _, rows, columns = result.shape
    known = result.provenance
    guessed = any(note.startswith(GUESSED) for note in known["notes"])
    quality = result.quality
    return Trial(
        result=result,
        start=start,
        window=window,
        diameter=None if guessed else float(known["diameter"]),
        snr=float(np.median(quality["snr"])) if len(result.cells) else None,
        density=float(quality["area"].sum()) / (rows * columns) if len(result.cells) else 0.0,
        decay=_decay(result),
        once=once,
        pace=max(sum(known["timings"].values()) - again, 0.0) / (len(piece) * rows * columns),
        rank=int(known["rank"]),
    )


def _little(recording: Recording) -> Recording:
    """So little that a run on it takes hardly more than what does not grow with the movie."""
    edge, frames = LITTLE
    rows, columns = (_middle(side, edge) for side in recording.size)
    return replace(recording, frames=_cut(recording, max(0, (len(recording) - frames) // 2), frames, (rows, columns)))


def _taken(recording: Recording, pipeline: Pipeline, runtime: Runtime, diameter: float | None) -> float:
    """s, of a run."""
    begun = time.perf_counter()
    try:
        with quiet_pipeline():
            pipeline(recording, replace(runtime, quiet=True), diameter=diameter)
    except UserError:  # too little for some part: the piece itself will tell
        pass
    return time.perf_counter() - begun


@contextmanager
def quiet_pipeline() -> Iterator[None]:
    """What the pipeline says of a piece is not said of the movie."""
    logger = logging.getLogger(Pipeline.__module__)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _decay(result: DemixResult) -> float | None:
    """Frames, median over the brightest cells."""
    if not len(result.cells) or result.signals is None:
        return None
    raw = result.signals.raw[:TRACES]
    return Rested.of(raw, result.rate, result.signals.valid, RunningPercentile()).common_decay(TRUE)


def _in_place(piece: np.ndarray, wider: np.ndarray) -> np.ndarray:
    """Each frame shifted back, by Fourier's theorem, as `wider` ones around it have moved; what moved out of view is cut off."""
    found = estimate(((0, wider.astype(np.float32)),), most=len(wider))
    if found is None:
        return piece
    rows, columns = piece.shape[1:]
    ky, kx = fft.fftfreq(rows)[:, None], fft.rfftfreq(columns)
    placed = np.empty(piece.shape, np.float32)
    for frame, (down, right), out in zip(piece.astype(np.float32), found.shifts, placed, strict=True):
        out[:] = fft.irfft2(fft.rfft2(frame) * np.exp(2j * np.pi * (ky * down + kx * right)), s=(rows, columns))
    border = np.minimum(np.ceil(np.abs(found.shifts).max(axis=0)).astype(int) + 1, np.array(piece.shape[1:]) // 4)
    return np.ascontiguousarray(placed[:, border[0] : rows - border[0], border[1] : columns - border[1]])


def _cut(recording: Recording, start: int, frames: int, window: tuple[slice, slice]) -> np.ndarray:
    """(n, y, x) of a part of the field, read a few whole frames at a time."""
    step = max(1, STEP_BYTES // (recording.size[0] * recording.size[1] * recording.dtype.itemsize))
    stop = min(start + frames, len(recording))
    return np.concatenate([recording[at : min(at + step, stop)][(slice(None), *window)].copy() for at in range(start, stop, step)])


def _middle(side: int, edge: int = EDGE) -> slice:
    edge = min(side, edge)
    return slice((side - edge) // 2, (side - edge) // 2 + edge)
