"""A movie of F / F0 in which two dips and a surge happen, and nothing else but noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.compress.means import LocalMeans
from detectnmf.compressed import Compressed
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

SIZE, FRAMES, NOISE, PIXEL = (60, 80), 120, 0.05, 2.0
# row, column, radius (px), onset, duration (s), depth
HAPPENS = {"left": (20, 20, 9, 20.0, 10.0, -0.12), "again": (20, 20, 9, 80.0, 6.0, -0.09), "surge": (38, 58, 12, 50.0, 12.0, 0.10)}


@dataclass(frozen=True)
class Happening:
    recording: Recording
    clean: np.ndarray  # (T, Y, X) relative change
    movie: Compressed


def course(onset, duration, frames=FRAMES):
    """Raised cosines of 0.4 durations up and 0.8 down; half of it lasts `duration`."""
    past = (np.arange(frames) + 0.5 - onset) / duration
    up, down = np.clip(past / 0.4, 0, 1), np.clip((1.6 - past) / 0.8, 0, 1)
    return np.sin(np.pi / 2 * np.minimum(up, down)) ** 2


def disc(row, column, radius, size=SIZE):
    """Half of its height at the radius."""
    y, x = np.indices(size)
    return np.exp(-np.log(2) * (np.hypot(y - row, x - column) / radius) ** 5)


def film(happens):
    total = np.zeros((FRAMES, *SIZE))
    for row, column, radius, onset, duration, depth in happens:
        total += depth * course(onset, duration)[:, None, None] * disc(row, column, radius)
    return total


def happen(runtime: Runtime) -> Happening:
    clean = film(HAPPENS.values())
    frames = (1 + clean + NOISE * np.random.default_rng(0).standard_normal(clean.shape)).astype(np.float32)
    recording = Recording(frames, rate=1.0, pixel_size=PIXEL, name="happening")
    return Happening(recording, clean, LocalMeans(edge=8.0)(recording, runtime))
