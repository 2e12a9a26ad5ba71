"""How the probability is fitted to components of which it is known whether they are cells, and how well it is calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from detectnmf.judge.probability import TERMS, Probability, Term


def fit(x: np.ndarray, true: np.ndarray, ridge: float = 1.0, card: dict[str, Any] | None = None) -> Probability:
    """Maximum-likelihood weights ≥ 0, with a small ridge.

    Args:
        x: (8, n) terms of the components. true: (n,) 1 for a cell, 0 for none.
        ridge: half of it times the squared weights is added to the negative log-likelihood; with thousands of components it matters
            only where cells and others do not meet.

    Raises:
        ValueError: all components are cells, or none is.
    """
    true = np.asarray(true, np.float64)
    if not 0 < true.sum() < len(true):
        raise ValueError(f"{int(true.sum())} of {len(true)} components are cells; both kinds are needed")
    mean, sd = x.mean(axis=1), np.maximum(x.std(axis=1), 1e-6)
    z = ((x - mean[:, None]) / sd[:, None]).T

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = z @ weights[1:] + weights[0]
        error = 1 / (1 + np.exp(-odds)) - true
        value = float((np.logaddexp(0, odds) - true * odds).sum() + ridge / 2 * (weights[1:] ** 2).sum())
        return value, np.concatenate([[error.sum()], z.T @ error + ridge * weights[1:]])

    start = np.zeros(len(x) + 1)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None)] + [(0, None)] * len(x), options={"maxiter": 1000})
    most = x.max(axis=1)
    found = {n: Term(*map(float, t)) for n, t in zip(TERMS, zip(mean, sd, most, best.x[1:], strict=True), strict=True)}
    return Probability(float(best.x[0]), found, card or {})


@dataclass(frozen=True)
class Reliability:
    """Predicted and observed frequencies in bins of the probability; NaN in an empty bin.

    Args:
        edges: (n + 1,). predicted, observed: (n,) means. count: (n,).
        error: expected calibration error: mean over components of |predicted − observed| of their bin.
        brier: mean squared difference of probability and truth.
        auc: chance that a cell is more probable than something else; NaN without both.
    """

    edges: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray
    count: np.ndarray
    error: float
    brier: float
    auc: float


def reliability(probability: np.ndarray, true: np.ndarray, bins: int = 10) -> Reliability:
    """How often what is called probable is true."""
    true = np.asarray(true, np.float64)
    edges = np.linspace(0, 1, bins + 1)
    which = np.clip((probability * bins).astype(int), 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted, observed = (np.bincount(which, values, bins) / count for values in (probability, true))
    error = float(np.nansum(np.abs(predicted - observed) * count) / max(len(true), 1))
    return Reliability(edges, predicted, observed, count, error, float(np.mean((probability - true) ** 2)), _auc(probability, true > 0.5))


def _auc(probability: np.ndarray, true: np.ndarray) -> float:
    if not 0 < true.sum() < len(true):
        return float("nan")
    _, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # equal ones share their mean rank
    cells, others = int(true.sum()), int((~true).sum())
    return float((rank[true].sum() - cells * (cells + 1) / 2) / (cells * others))
