"""How fast transients decay and how often they come, from traces that are noisy."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.signal import find_peaks, lfilter

FEWEST_LAGS = 6
WINDOW = 3.0  # decays to look at
SHARE = 0.3  # of the correlation in the next frame that must decay; the rest may be slow
FAINT = 0.02  # correlation below which there is none
MOST_LAGS = 1000
CLEAR = 7.0  # noise levels that an event must rise and fall by; chance alone often makes 5
SHARPER = 4.0  # times faster decay, for counting
PART = 0.2  # of a cell's highest peak; less may be its neighbours' or the neuropil's light
RUN = 10  # decays within which an event must do so


def autocovariance(traces: np.ndarray, lags: int) -> np.ndarray:
    """(K, lags + 1) for lag 0 to `lags`: mean over all T of the products of deviations from the mean."""
    frames = traces.shape[1]
    deviation = traces - traces.mean(axis=1, keepdims=True)
    length = fft.next_fast_len(frames + lags, real=True)
    spectrum = fft.rfft(deviation, length, axis=1)
    return np.asarray(fft.irfft(np.abs(spectrum) ** 2, length, axis=1)[:, : lags + 1] / frames)


def decay_time(traces: np.ndarray, noise: np.ndarray) -> float | None:
    """Decay time in frames: that of a · e^(-lag/decay) + b fitted to the mean autocorrelation of the traces from lag 1 on.

    White noise adds to lag 0 alone, which is left out. A cell counts by the share of its variance that is not noise. b takes up what
    is slow (drift, neuropil) and what subtracting each trace's own mean takes away. Lags are looked at as far as three decays.

    Args:
        traces: (K, T). noise: (K,) standard deviation of white noise in each.

    Returns:
        None where the traces do not remember one frame in the next.
    """
    frames = traces.shape[1]
    if frames < 2 * FEWEST_LAGS:
        return None
    covariance = autocovariance(traces.astype(float), min(frames // 2, MOST_LAGS))
    variance = np.maximum(covariance[:, 0], 1e-30)
    reliable = np.clip(1 - noise**2 / variance, 0, 1)
    mean = (covariance / variance[:, None] * reliable[:, None]).sum(axis=0) / max(reliable.sum(), 1e-12)
    if not mean[1] > FAINT:
        return None
    decay = 0.0
    for lags in np.unique(np.geomspace(FEWEST_LAGS, len(mean) - 1, 40).astype(int)):
        decay, height = _exponential(mean[1 : lags + 1])
        if decay < lags / WINDOW and height > SHARE * mean[1]:
            break
    return decay


def _exponential(seen: np.ndarray) -> tuple[float, float]:
    """Decay and height a of a · e^(-lag/decay) + b, fitted by least squares from lag 1 on."""
    lag = np.arange(1, len(seen) + 1)
    best = np.inf, 2.0 * len(seen), 0.0
    for decay in np.geomspace(0.3, 2 * len(seen), 200):
        shape = np.exp(-lag / decay)
        flat = shape - shape.mean()
        height = float(flat @ seen / max(flat @ flat, 1e-300))
        misfit = float(((seen - seen.mean() - height * flat) ** 2).sum())
        if height > 0 and misfit < best[0]:
            best = misfit, float(decay), height
    return best[1], best[2]


def roughness(traces: np.ndarray) -> np.ndarray:
    """(K,) white noise in each trace, from the median of its second differences, which events are too rare to change."""
    second = np.diff(traces, n=2, axis=1)
    return np.asarray(np.median(np.abs(second), axis=1) / (0.6745 * np.sqrt(6))) if second.shape[1] else np.zeros(len(traces))


def sharpened(traces: np.ndarray, decay: float) -> np.ndarray:
    """(K, T) the traces as they would be if transients decayed four times faster; `decay` in frames.

    Deconvolution by the autoregressive model, and convolution with the shorter one. White noise grows by some per cent only.
    """
    slow, fast = np.exp(-1 / decay), np.exp(-SHARPER / decay)
    before = traces[:, :1] * (fast * (1 - slow) / (1 - fast) - slow)  # as if the first value had always been there
    return np.asarray(lfilter([1.0, -slow], [1.0, -fast], traces, axis=1, zi=before)[0])


def count_events(traces: np.ndarray, least: np.ndarray, decay: float | None) -> np.ndarray:
    """(K,) peaks that stand out of what is before and after them by `least` (K,), in traces sharpened so that few run into each other.

    `decay` is that of `decay_time`, frames.
    """
    run = None
    if decay is not None:
        traces, run = sharpened(traces, decay), 2 * max(2, int(RUN * decay)) + 1
    return np.array([len(find_peaks(trace, prominence=max(low, 1e-12), wlen=run)[0]) for trace, low in zip(traces, least, strict=True)])


def dispersion(count: np.ndarray) -> float:
    """Standard deviation over cells of their event rates relative to the mean, what chance adds to the counts taken away."""
    mean = float(count.mean())
    return float(np.sqrt(max(count.var() / mean**2 - 1 / mean, 0.0))) if mean > 0 else 0.0
