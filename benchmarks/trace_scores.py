"""Traces whose truth is known, and what is found in them: noise and decay, spikes, the convex optimum."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import build, compose
from scipy.optimize import nnls
from scipy.signal import lfilter

from detectnmf.simulate.traces.recordings import read
from detectnmf.traces.deconvolve import deconvolve
from detectnmf.traces.oasis import Oasis
from detectnmf.traces.rest import Rested
from detectnmf.traces.spectrum import autocovariance, coefficients, noise_of, upper_half

RATE, REAL_RATE = 30.0, 7.5  # Hz
LONGEST = 240.0  # s of a recorded cell


@dataclass(frozen=True)
class Known:
    """y (K, T) and the spikes (K, T) behind it; c (K, T) without noise, where it is known; rate (Hz)."""

    y: np.ndarray
    spikes: np.ndarray
    c: np.ndarray | None
    rate: float


def autoregressive(cells: int, frames: int, g: float, probability: float, snr: float, seed: int) -> Known:
    """Spikes of height 1 at random, a decay, white noise of 1 / snr."""
    rng = np.random.default_rng(seed)
    s = (rng.random((cells, frames + 300)) < probability).astype(float)
    c = np.asarray(lfilter([1], [1, -g], s, axis=1))[:, 300:]
    return Known(c + rng.standard_normal(c.shape) / snr, s[:, 300:], c, RATE)


def simulated(activity: str, cells: int, frames: int, snr: float, seed: int) -> Known:
    """An indicator's traces at 30 Hz with white noise; SNR of what a cell reaches in one frame of two hundred."""
    drawn = build(compose((f"activity={activity}",)), "activity").draw(cells, frames, RATE, rng := np.random.default_rng(seed))
    c = drawn.traces.astype(float)
    peak = np.percentile(c, 99.5, axis=1)
    some = (peak > 0) & drawn.spikes.any(axis=1)
    return Known((c + peak[:, None] / snr * rng.standard_normal(c.shape))[some], drawn.spikes[some].astype(float), c[some], RATE)


def recorded() -> dict[str, list[Known]]:
    """By data set, cell by cell, at 7.5 Hz; none where DETECTNMF_DATA is not set."""
    folder = Path(os.environ.get("DETECTNMF_DATA", "/nonexistent")) / "spikes"
    found: dict[str, list[Known]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        for take in read(path, None):
            if take.trace is None or take.spikes is None or not len(take.spikes):
                continue
            frames = int(min(take.duration, LONGEST) * REAL_RATE)
            bins = np.floor(np.arange(len(take.trace)) / take.rate * REAL_RATE).astype(int)
            held = np.bincount(bins, minlength=frames)[:frames]
            mean = np.bincount(bins, take.trace)[:frames] / np.maximum(held, 1)
            spikes = np.bincount((take.spikes * REAL_RATE).astype(int), minlength=frames)[:frames]
            found.setdefault(path.name, []).append(Known(mean[None], spikes[None].astype(float), None, REAL_RATE))
    return found


def textbook(known: Known) -> np.ndarray:
    """(K, T) spikes by the plainest solution of order 1: g by the autocovariance, non-negative least squares (`exactness`)."""
    rested = Rested.of(known.y, known.rate, np.ones(known.y.shape[1], bool), Oasis().baseline)
    return deconvolve(rested.y, coefficients(autocovariance(known.y, 10))).s


def nonnegative(y: np.ndarray, g: float, penalty: float = 0.0) -> np.ndarray:
    """(T,) min over s >= 0 of ½‖y − H s‖² + λ Σ s by Lawson and Hanson, dense, H lower triangular of powers of g."""
    lags = np.subtract.outer(np.arange(len(y)), np.arange(len(y)))
    H = np.where(lags >= 0, g ** np.maximum(lags, 0), 0)
    sizes, axes = np.linalg.eigh(H.T @ H)
    root = np.sqrt(np.maximum(sizes, 1e-13))
    s = nnls(root[:, None] * axes.T, axes.T @ (H.T @ y - penalty) / root, maxiter=30 * len(y))[0]
    return np.asarray(np.r_[0, s[1:]])


READERS = {
    "default": Oasis(),
    "own decay each": Oasis(shared=False),
    "rise of 0.1 s": Oasis(rise=0.1),
    "sparse": Oasis(min_spike=3.0),
}
TEXTBOOK = "NNLS, g by autocovariance"


def spikes_of(known: Known) -> dict[str, np.ndarray]:
    """(K, T) by each way."""
    return {**{name: reader.read(known.y, known.rate).spikes for name, reader in READERS.items()}, TEXTBOOK: textbook(known)}


def agreement(spikes: np.ndarray, counts: np.ndarray, late: int = 0) -> list[float]:
    """Correlation of each cell's inferred spikes, taken `late` frames later, with its counts."""
    moved = spikes[:, late:], counts[:, : counts.shape[1] - late]
    return [float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 else 0.0 for one, other in zip(*moved, strict=True) if other.std() > 0]


def estimates(known: Known, snr: float, g: float) -> dict[str, float]:
    """Errors of noise (of its true value) and g over cells."""
    covariance = autocovariance(known.y, 10)
    found = coefficients(covariance)
    noise, plain = noise_of(known.y, found, covariance) * snr, np.sqrt(upper_half(known.y)) * snr
    error = np.abs(found[:, 0] - g)
    return {
        "noise": float(noise.mean() - 1),
        "spread": float(noise.std()),
        "plain": float(plain.mean() - 1),
        "within": float((np.abs(noise - 1) < 0.03).mean()),
        "g": float(np.median(error)),
        "g_within": float((error < 0.02).mean()),
    }


def exactness(frames: int = 150) -> float:
    """Largest difference from the dense convex solution, over penalties and decays; spikes of height 1."""
    worst = 0.0
    for g in (0.5, 0.9, 0.95, 0.99):
        y = autoregressive(1, frames, g, 0.05, 3.0, 7).y
        for penalty in (0.0, 0.3, 2.0):
            slow = nonnegative(y[0], g, penalty)
            fast = deconvolve(y, np.array([[g]]), penalty=np.array([penalty])).s[0]
            worst = max(worst, float(np.abs(slow - fast).max()))
    return worst


def timed(cells: int, frames: int, order: int) -> tuple[float, float]:
    """Seconds of the clock and of the processor for the noise-constrained problem, the faster of two runs."""
    known = autoregressive(cells, frames, 0.95, 0.02, 3.0, 0)
    y, noise = known.y.astype(np.float32), np.full(cells, 1 / 3)
    g = np.tile([[0.95]] if order == 1 else [[1.35, -0.38]], (cells, 1))
    taken = []
    for _ in range(2):
        clock, processor = time.perf_counter(), time.process_time()
        deconvolve(y, g, noise)
        taken.append((time.perf_counter() - clock, time.process_time() - processor))
    return min(taken)
