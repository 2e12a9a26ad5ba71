"""A result whose cells are drawn, so that what it measures is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.signal import lfilter

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult


def drawn(peak: float = 75.0, noise: float = 10.0, frames: int = 400) -> DemixResult:
    """Four discs of 9 px: 150 counts at rest among 100, and each rises by `peak` once a hundred frames; noise is the same everywhere."""
    size = 60, 60
    y, x = np.indices(size)
    centres = [(15, 15), (15, 45), (45, 15), (45, 45)]
    discs = np.array([np.hypot(y - row, x - column) <= 4.5 for row, column in centres], np.float32)
    spikes = np.zeros((4, frames))
    spikes[:, 50::100] = peak
    traces = lfilter([1], [1, -0.9], spikes, axis=1).astype(np.float32)
    baseline = (100 + 50 * discs.sum(axis=0)).astype(np.float32)
    still = Compressed.from_factors(np.zeros((3600, 0)), np.zeros((0, frames)), np.zeros(size), rate=10.0)
    movie = replace(still, mean=baseline, std=np.full(size, noise, np.float32))
    return DemixResult(Components.from_images(discs, traces), baseline, still, movie, rate=10.0, name="drawn")


# ---- single measures against closed forms ---------------------------------------------------------------------------
