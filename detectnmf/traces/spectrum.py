"""What the spectrum and the autocovariance of a trace say: its noise, and how it decays (CNMF: Pnevmatikakis et al. 2016).

A trace is an autoregressive process under white noise: its spectrum is σ² + q / |1 − Σ gₖ e^(−iωk)|², its autocovariance γ. From lag 1 on γ
knows nothing of the noise, and γ_l = Σ gₖ γ_{l−k} (the Yule-Walker equations) gives g. Above a quarter of the frame rate most of the
spectrum is noise. What transients leave there follows from g and from the variance, which is that of both together: γ₀ = σ² + A, and the
mean of the upper half is σ² + r(g) A.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import fft

from detectnmf.errors import UserError
from detectnmf.traces.levels import noise_level

HIGH = 0.25  # cycles per frame: the upper half of the frequencies begins here
BIAS = float(np.exp(np.euler_gamma))  # the mean of a periodogram over the exponential of its mean logarithm
LAGS = 10  # of the autocovariance
GRID = 2048  # frequencies over which a spectrum is averaged
LEAST, MOST = 0.05, 0.998  # of a coefficient of order 1, and of a root
WHITE = 0.5  # least share of a variance that lies below: a process faster than that cannot be told from noise
SAMPLES = 1 << 20  # values transformed at a time


def upper_half(traces: np.ndarray, robust: bool = False) -> np.ndarray:
    """(K,) mean power in the upper half of the frequencies; σ² for white noise of deviation σ.

    Args:
        traces: (K, T). robust: exponential of the mean logarithm, freed of its bias: single frequencies (hum) count little.
    """
    frames = traces.shape[1]
    first = int(np.ceil(HIGH * frames))
    found = np.zeros(len(traces))
    for piece in pieces(traces.shape):
        power = np.abs(fft.rfft(np.asarray(traces[piece], np.float64), axis=1)[:, max(first, 1) :]) ** 2 / frames
        found[piece] = BIAS * np.exp(np.log(np.maximum(power, 1e-300)).mean(axis=1)) if robust else power.mean(axis=1)
    return found


def autocovariance(traces: np.ndarray, lags: int) -> np.ndarray:
    """(K, lags + 1) from lag 0 on: products of deviations from the mean, over T."""
    frames = traces.shape[1]
    length = fft.next_fast_len(frames + lags, real=True)
    found = np.zeros((len(traces), lags + 1))
    for piece in pieces(traces.shape):
        own = np.asarray(traces[piece], np.float64)
        power = np.abs(fft.rfft(own - own.mean(axis=1, keepdims=True), length, axis=1)) ** 2
        found[piece] = fft.irfft(power, length, axis=1)[:, : lags + 1] / frames
    return found


def coefficients(covariance: np.ndarray, order: int = 1) -> np.ndarray:
    """(K, order) g by least squares of the Yule-Walker equations from lag order + 1 on, into which no noise enters; see `decaying`.

    Args:
        covariance: (K, L + 1) from lag 0 on.

    Raises:
        UserError: too few lags for the order.
    """
    lags = np.arange(order + 1, covariance.shape[1])
    if len(lags) < order:
        raise UserError(f"a trace of {covariance.shape[1] - 1} usable lags is too short for an autoregressive order of {order}")
    past = np.stack([covariance[:, lags - k] for k in range(1, order + 1)], axis=-1)
    square = past.transpose(0, 2, 1) @ past
    square += 1e-12 * np.trace(square, axis1=1, axis2=2)[:, None, None] * np.eye(order) + 1e-300 * np.eye(order)
    g = np.linalg.solve(square, past.transpose(0, 2, 1) @ covariance[:, lags, None])[..., 0]
    return decaying(g)


def decaying(g: np.ndarray) -> np.ndarray:
    """(K, p) the nearest coefficients whose roots are real and between 0 and 1: a process that decays, and does not ring."""
    if g.shape[1] == 1:
        return np.clip(g, LEAST, MOST)
    companion = np.zeros((len(g), g.shape[1], g.shape[1]))
    companion[:, 0], companion[:, 1:, :-1] = g, np.eye(g.shape[1] - 1)
    roots = np.clip(np.linalg.eigvals(companion).real, 0, MOST)
    roots = np.sort(roots, axis=1)
    roots[:, -1] = np.maximum(roots[:, -1], LEAST)
    return of_roots(roots)


def of_roots(roots: np.ndarray) -> np.ndarray:
    """(K, p) coefficients of the process whose parts decay by these factors (K, p) in a frame."""
    polynomial = np.ones((len(roots), 1))
    for root in roots.T:
        polynomial = np.pad(polynomial, ((0, 0), (0, 1))) - root[:, None] * np.pad(polynomial, ((0, 0), (1, 0)))
    return -polynomial[:, 1:]


def transfer(g: np.ndarray, low: float, high: float = 0.5) -> np.ndarray:
    """(K,) mean of 1 / |1 − Σ gₖ e^(−iωk)|² between two frequencies (cycles per frame); over all of them the energy of a transient, Σh²."""
    frequencies = low + (high - low) * (np.arange(GRID) + 0.5) / GRID
    waves = np.exp(-2j * np.pi * frequencies * np.arange(1, g.shape[1] + 1)[:, None])
    return np.asarray((1 / np.abs(1 - g @ waves) ** 2).mean(axis=1))


def leak(g: np.ndarray) -> np.ndarray:
    """(K,) mean of a process's spectrum in the upper half of the frequencies over its variance; g (K, p)."""
    return transfer(g, HIGH) / transfer(g, 0.0)


def noise_of(traces: np.ndarray, g: np.ndarray | None = None, covariance: np.ndarray | None = None, robust: bool = False) -> np.ndarray:
    """(K,) standard deviation of the white noise in traces (K, T).

    The spectrum's upper half, without what transients leave there. The more that is, the less the spectrum can tell, and the more counts
    the median of second differences, which is blind to transients as long as they are rare.

    Args:
        g: (K, p) coefficients, by default of order 1 and from the autocovariance. covariance: (K, L + 1), where it is at hand.
        robust: see `upper_half`.

    Raises:
        UserError: fewer than four frames.
    """
    if traces.shape[1] < 4:
        raise UserError(f"traces of {traces.shape[1]} frames are too short to tell noise from signal; give at least 4")
    covariance = autocovariance(traces, min(LAGS, traces.shape[1] - 1)) if covariance is None else covariance
    ratio = leak(coefficients(covariance) if g is None else g)
    high = upper_half(traces, robust)
    signal = np.maximum(covariance[:, 0] - high, 0) / np.maximum(1 - ratio, WHITE)
    share = np.clip(ratio * signal / np.maximum(high, 1e-300), 0, 1)
    rough = noise_level(torch.from_numpy(np.asarray(traces, np.float64))).numpy() ** 2
    return np.sqrt((1 - share) ** 2 * high + share * rough)


def pieces(shape: tuple[int, ...]) -> list[slice]:
    """Rows of (K, T) a few at a time."""
    step = max(1, SAMPLES // max(shape[1], 1))
    return [slice(first, min(first + step, shape[0])) for first in range(0, shape[0], step)]
