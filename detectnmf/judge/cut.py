"""Which components to keep, by the expected share of false ones among them."""

from __future__ import annotations

import numpy as np


def keep_by_fdr(probability: np.ndarray, fdr: float) -> np.ndarray:
    """(K,) True for the largest set of the most probable components of which an expected share of at most `fdr` is false.

    With calibrated probabilities a kept component is false with probability 1 − p, so that the expected share is the mean of 1 − p
    over the set (the Bayesian false-discovery rate: Efron, Tibshirani, Storey & Tusher 2001). Equal probabilities stay together.

    Args:
        probability: (K,). fdr: 0 keeps what is certain, 1 everything.
    """
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    share = np.cumsum(1 - ranked) / np.arange(1, len(ranked) + 1)
    last = np.append(ranked[1:] < ranked[:-1], True) if len(ranked) else np.zeros(0, bool)  # of those that are equally probable
    good = np.flatnonzero(last & (share <= fdr + 1e-12))
    keep = np.zeros(len(probability), bool)
    keep[order[: good[-1] + 1 if len(good) else 0]] = True
    return keep
