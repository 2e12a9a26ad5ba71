"""How fast transients decay: the time constant whose fit would err least.

The autocovariance takes a burst of spikes for one slow transient, and so gives a decay that is too slow, by a factor of two and more in
simulated bursts; a fit that cannot fall fast enough then misses every other transient. Here the decay is searched, from that of the
autocovariance downwards, for the least expected error of the non-negative fit (Stein's unbiased estimate: ‖y − c‖² + 2 σ² · number of
pools that are lit; a projection on a polyhedral cone has the dimension of its face as divergence). What is not white in a recording must
not be followed with faster decays: σ counts half as large again, which makes dim transients somewhat slower than they are. Where the
indicator's own decay is wanted, and not what serves deconvolution best, σ counts as it is, beside a share of the variance for all that is
no sharp rise and single exponential.
"""

from __future__ import annotations

import numpy as np

from detectnmf.traces.pools import Pools

SERVES = 1.5, 0.0  # how often the noise counts; share of the variance that the model misses
TRUE = 1.0, 0.003  # the same, for the indicator's own decay
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25)  # of the autocovariance's decay
FINE = 0.84  # ratio of neighbouring decays around the best one


def risk(y: np.ndarray, decay: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(K,) expected squared error of the fit to (K, T) traces at rest at 0, up to a constant, over noise²; decay (K,) in frames."""
    pools = Pools.of(y, np.exp(-1 / decay))
    lit = pools.values() > 0
    explained = pools.sums(lit * pools.data**2 / pools.norm)
    return np.asarray(2 * pools.sums(lit.astype(float)) - explained / np.maximum(noise, 1e-300) ** 2)


def best_decay(y: np.ndarray, noise: np.ndarray, slowest: np.ndarray, caution: tuple[float, float] = SERVES) -> np.ndarray:
    """(K,) decay in frames at which the risk of each trace is least, `slowest` (K,) at most; `caution` SERVES or TRUE."""
    often, missed = caution
    noise = np.sqrt((often * noise) ** 2 + missed * y.var(axis=1, dtype=np.float64))
    decays = np.array([share * slowest for share in SHARES])
    risks = np.array([risk(y, decay, noise) for decay in decays])
    at, cells = risks.argmin(axis=0), np.arange(len(y))
    best, middle = decays[at, cells], risks[at, cells]
    slower = np.minimum(best / FINE, slowest)
    high, low = risk(y, slower, noise), risk(y, best * FINE, noise)
    # a parabola through the three; at the slow end the autocovariance stands, unless faster is better
    bend = low - 2 * middle + high
    shift = np.clip(0.5 * (low - high) / np.where(bend > 0, bend, np.inf), -1, 1)
    shift = np.where(at == 0, np.where(low < middle, -0.5, 0), shift)
    return best * FINE**-shift


def liveliest(y: np.ndarray, frames: int) -> np.ndarray:
    """(K, frames) the stretch of each trace that holds most energy; all of it where it is no longer than that."""
    if y.shape[1] <= frames:
        return y
    energy = np.cumsum(np.square(y, dtype=np.float64), axis=1)
    starts = np.arange(0, y.shape[1] - frames + 1, max(1, frames // 4))
    start = starts[(energy[:, starts + frames - 1] - energy[:, starts]).argmax(axis=1)]
    return np.take_along_axis(y, start[:, None] + np.arange(frames), axis=1)
