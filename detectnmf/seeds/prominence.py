"""The cheap first stage: peak-valley differences, and a mixture of two Gaussians on them (sc-CNMF, §3.2, Seeds Refinement with GMM)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from detectnmf.errors import UserError
from detectnmf.seeds.windows import check_rate

LEAST = 4  # traces from which two kinds can be told
SMALL = 1e-9


@dataclass(frozen=True)
class Prominence:
    """Keeps the traces that probably belong to the Gaussian with the higher mean.

    Args:
        smooth: moving mean over so many seconds before peak and valley are sought, so that a single frame of noise is neither.
        probability: of the upper Gaussian, at least.
        seed: of the fit's start.
    """

    smooth: float = 0.3
    probability: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.smooth >= 0:
            raise UserError(f"prominence.smooth must be 0 s or more, got {self.smooth}")
        if not 0 < self.probability < 1:
            raise UserError(f"prominence.probability lies between 0 and 1, got {self.probability}")

    def differences(self, traces: np.ndarray, rate: float) -> np.ndarray:
        """(n, T) at `rate` Hz -> (n,) peak minus valley, d_s of the paper, in the traces' unit.

        Raises:
            UserError: not (n, T), or an unknown rate.
        """
        values = np.asarray(traces, np.float32)
        if values.ndim != 2:
            raise UserError(f"traces must be (n, T), got {values.shape}; a single trace? pass trace[None]")
        width = max(1, round(self.smooth * check_rate(rate)))
        if not values.size:
            return np.zeros(len(values), np.float32)
        smooth = uniform_filter1d(values, min(width, values.shape[1]), axis=1, mode="nearest")
        return np.asarray(smooth.max(axis=1) - smooth.min(axis=1))

    def __call__(self, differences: np.ndarray) -> np.ndarray:
        """(n,) bool: which to keep. All of them, where they are too few or too alike to tell two kinds."""
        return np.asarray(self.probabilities(differences) > self.probability)

    def probabilities(self, differences: np.ndarray) -> np.ndarray:
        """(n,) of the upper Gaussian; it never falls as d grows, since the wider of two Gaussians wins again far out on the other side."""
        d = np.asarray(differences, float)
        if not np.isfinite(d).all():
            raise UserError(f"{int((~np.isfinite(d)).sum())} of {len(d)} peak-valley differences are not finite; leave NaN traces out")
        spread = float(d.std()) if len(d) else 0.0
        if len(d) < LEAST or spread <= SMALL * max(float(np.abs(d).max()), SMALL):
            return np.ones(len(d))
        from sklearn.mixture import GaussianMixture

        standard = (d - d.mean()) / spread
        fit = GaussianMixture(2, n_init=3, random_state=self.seed).fit(standard[:, None])
        upper = int(np.argmax(fit.means_[:, 0]))
        order = np.argsort(standard)
        probability = fit.predict_proba(standard[:, None])[:, upper]
        probability[standard < fit.means_[1 - upper, 0]] = 0.0
        probability[standard > fit.means_[upper, 0]] = 1.0
        rising = np.empty(len(d))
        rising[order] = np.maximum.accumulate(probability[order])
        return rising
