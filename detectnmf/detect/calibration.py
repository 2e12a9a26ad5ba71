"""From the network's scores to probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EDGE = 1e-4  # scores are kept this far from 0 and 1
BINS = 10


@dataclass(frozen=True)
class Calibration:
    """probability = 1 / (1 + exp(-(slope · logit(score) + offset))) (Platt 1999)."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, score: np.ndarray) -> np.ndarray:
        """(n,) scores -> probabilities, in the same order."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * _logit(score) + self.offset))))

    def score(self, probability: float) -> float:
        """The score that has this probability."""
        return float(1 / (1 + np.exp(-(_logit(np.array(probability)) - self.offset) / self.slope)))

    @classmethod
    def fit(cls, score: np.ndarray, right: np.ndarray) -> Calibration:
        """Maximum likelihood by Newton's method, with one imagined hit and miss so that it always ends; 1 and 0 where nothing is told.

        Args:
            score: (n,) 0..1. right: (n,) bool.
        """
        if len(score) < 2 or right.all() or not right.any():
            return cls()
        x = np.stack([_logit(score), np.ones(len(score))], 1)
        hits, misses = right.sum(), (~right).sum()
        wanted = np.where(right, (hits + 1) / (hits + 2), 1 / (misses + 2))
        w = np.array([1.0, 0.0])
        for _ in range(50):
            p = 1 / (1 + np.exp(-x @ w))
            step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2), x.T @ (wanted - p))
            w = w + np.clip(step, -2, 2)
            if np.abs(step).max() < 1e-9:
                break
        return cls(float(w[0]), float(w[1])) if w[0] > 0 else cls()


def calibration_error(probability: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal width: mean over detections of |share of hits - mean probability| of their bin."""
    if not len(probability):
        return 0.0
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = [abs(float(right[bins == b].mean()) - float(probability[bins == b].mean())) * int((bins == b).sum()) for b in np.unique(bins)]
    return sum(gaps) / len(probability)


def _logit(score: np.ndarray) -> np.ndarray:
    clipped = np.clip(score, EDGE, 1 - EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))
