"""Merging by phase-locking: one seed for each cell (sc-CNMF, §3.2, Seeds Merging)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.signal import find_peaks, hilbert
from scipy.spatial import KDTree

from detectnmf.errors import UserError
from detectnmf.seeds.windows import RATE, in_noise


@dataclass(frozen=True)
class PhaseMerging:
    """Of seeds nearby that rise and fall together the brightest is kept.

    Two seeds are one cell's where the mean of cos(φ₁ − φ₂) is high: φ the instantaneous phase of the Hilbert transform, the mean over
    frames in which either has a prominent peak, since pixels of a cell go together during its events alone.

    Args:
        neighbourhood_diameters: farthest seeds of one cell (cell diameters).
        locking: mean cosine of their phases, at least.
        prominence: of a peak, at least (units of the trace's noise).
        around: frames count so long before and after a peak (s).
        smooth: standard deviation of the smoothing before phases are taken (s).
    """

    neighbourhood_diameters: float = 1.0
    locking: float = 0.8
    prominence: float = 4.0
    around: float = 1.0
    smooth: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.locking <= 1:
            raise UserError(f"merging.locking is a mean cosine above 0 and at most 1, got {self.locking}")

    def __call__(self, traces: np.ndarray, rate: float, where: np.ndarray, brightness: np.ndarray, distance: float) -> np.ndarray:
        """(n,) bool, which seeds are kept.

        Args:
            traces: (n, T) at `rate` Hz. where: (n, 2) px. brightness: (n,).
            distance: of a neighbourhood (px).
        """
        keep = np.ones(len(traces), bool)
        if len(traces) < 2:
            return keep
        phasors, active = self.phases(in_noise(traces, rate).numpy())
        near = KDTree(where).query_ball_point(where, distance)
        for seed in np.argsort(-brightness, kind="stable"):
            if not keep[seed]:
                continue
            others = np.array([n for n in near[seed] if n != seed and keep[n]], int)
            if len(others):
                keep[others[locked(phasors, active, seed, others) >= self.locking]] = False
        return keep

    def phases(self, slow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, T') traces at 10 Hz in units of noise -> their phasors e^{iφ} and whether a prominent peak is near, (n, T') each."""
        smooth = gaussian_filter1d(slow, self.smooth * RATE, axis=1) if self.smooth else slow
        analytic = hilbert(smooth - smooth.mean(axis=1, keepdims=True), axis=1)
        phasors = analytic / np.maximum(np.abs(analytic), 1e-12)
        active = np.zeros(slow.shape, bool)
        for row, trace in zip(active, smooth, strict=True):
            row[find_peaks(trace, prominence=self.prominence)[0]] = True
        return phasors.astype(np.complex64), maximum_filter1d(active, 2 * round(self.around * RATE) + 1, axis=1)


def locked(phasors: np.ndarray, active: np.ndarray, one: int, others: np.ndarray) -> np.ndarray:
    """(m,) mean cosine of the phase difference of one trace with others, where either has a prominent peak; 0 where none has."""
    frames = active[one] | active[others]
    cosine = np.where(frames, (phasors[others] * phasors[one].conj()).real, 0)
    return cosine.sum(axis=1) / np.maximum(frames.sum(axis=1), 1)
