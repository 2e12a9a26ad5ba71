"""Simulated autoregressive traces, and the slow convex solution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.signal import lfilter


@dataclass(frozen=True)
class Simulated:
    """y (K, T) = c + white noise; spikes s; g (p,)."""

    y: np.ndarray
    c: np.ndarray
    s: np.ndarray
    g: np.ndarray


class Traces:
    """Makers of traces, and what they should become."""

    @staticmethod
    def simulate(cells, frames, g=(0.95,), rate=0.02, noise=0.3, seed=0):
        """Transients with a peak of 1 for each spike, `rate` per frame."""
        rng = np.random.default_rng(seed)
        s = (rng.random((cells, frames + 300)) < rate).astype(float)
        taps = np.r_[1, -np.asarray(g)]
        c = lfilter([1], taps, s, axis=1) / lfilter([1], taps, np.eye(1, 300)[0]).max()
        c, s = c[:, 300:], s[:, 300:]
        return Simulated(c + noise * rng.standard_normal(c.shape), c, s, np.asarray(g))

    @staticmethod
    def convex(y, g, penalty=0.0, valid=None):
        """(c, s) of one trace (T,) by Lawson and Hanson's non-negative least squares, dense; spikes on valid frames only.

        ½‖W(y − H s)‖² + λ Σ_t (Gᵀ1)_t c_t over valid frames, with c = H s: a spike costs λ where all of its transient is seen.
        """
        frames = len(y)
        valid = np.ones(frames, bool) if valid is None else valid
        taps = np.r_[1, -np.atleast_1d(g)]
        response = lfilter([1], taps, np.eye(1, frames)[0])
        H = np.array([[response[i - j] if i >= j else 0 for j in range(frames)] for i in range(frames)])
        price = np.array([taps[: frames - t].sum() for t in range(frames)]) * valid
        gram = H.T @ (valid[:, None] * H)
        target = H.T @ (valid * y) - penalty * (H.T @ price)
        sizes, axes = np.linalg.eigh(gram[np.ix_(valid, valid)])
        root = np.sqrt(np.maximum(sizes, 1e-13))
        s = np.zeros(frames)
        s[valid] = nnls(root[:, None] * axes.T, axes.T @ target[valid] / root, maxiter=50 * frames)[0]
        return H @ s, s


@pytest.fixture
def traces():
    return Traces
