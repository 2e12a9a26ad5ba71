"""Non-negative basis pursuit under a noise level, for many pixels at once (CNMF: Pnevmatikakis et al. 2016).

For each pixel by itself: min Σ a over a >= 0 with ‖y − Σ a_k c_k‖² <= ε. Its solutions for all ε are a path of straight pieces, which is
followed from a = 0 on (least angle regression; Efron et al. 2004) until the residual is as small as the noise, or, where no a explains so
much, to the non-negative least squares. A pixel lies in few cells: all pixels follow their paths side by side, in small dense problems.
"""

from __future__ import annotations

import numpy as np

RIDGE = 1e-9  # of the Gram matrix' diagonal: twins make it singular
SMALL = 1e-12  # of a step that is none
STEPS = 4  # per candidate, at most: each joins, and may leave


def pursue(gram: np.ndarray, products: np.ndarray, energy: np.ndarray, most: np.ndarray) -> np.ndarray:
    """(N, m) weights >= 0 of m candidates in each of N problems.

    Args:
        gram: (N, m, m) of the candidates; rows and columns of zeros stand for no candidate.
        products: (N, m) of the candidates with the data.
        energy: (N,) ‖y‖². most: (N,) ε, the squared residual that is left.
    """
    count, width = products.shape
    if not width:
        return np.zeros((count, 0))
    weights, active = np.zeros((count, width)), np.zeros((count, width), bool)
    alone = np.sqrt(np.maximum(np.einsum("nmm->nm", gram), 0))
    real = alone > 0
    scale = np.where(real, alone, 1)
    gram = gram / scale[:, :, None] / scale[:, None, :]
    pull = np.where(real, products / scale, -np.inf)  # correlation of each candidate with what is left
    level = pull.max(axis=1, initial=-np.inf)
    left = energy.astype(np.float64).copy()
    todo = np.flatnonzero((level > 0) & (left > most))
    active[todo, pull[todo].argmax(axis=1)] = True
    barred = np.zeros((count, width), bool)  # has just left
    for _ in range(STEPS * width):
        if not len(todo):
            break
        on, p, lam = active[todo], pull[todo], level[todo]
        direction = solve(gram[todo], on)
        along = np.einsum("nij,nj->ni", gram[todo], direction)
        with np.errstate(divide="ignore", invalid="ignore"):
            joins = np.where(~on & real[todo] & ~barred[todo] & (along < 1), (lam[:, None] - p) / (1 - along), np.inf)
            leaves = np.where(on & (direction < 0), -weights[todo] / direction, np.inf)
            total = direction.sum(axis=1)
            root = lam**2 - (left[todo] - most[todo]) / np.where(total > 0, total, np.nan)
            enough = np.where(root >= 0, lam - np.sqrt(np.maximum(root, 0)), np.inf)
        joins, leaves = np.maximum(joins, 0), np.where(leaves <= SMALL * lam[:, None], np.inf, leaves)
        step = np.minimum(np.minimum(joins.min(axis=1), leaves.min(axis=1)), np.minimum(np.nan_to_num(enough, nan=np.inf), lam))
        weights[todo] = np.maximum(weights[todo] + step[:, None] * direction, 0)
        pull[todo] = np.where(real[todo], p - step[:, None] * along, -np.inf)
        left[todo] += step * total * (step - 2 * lam)
        level[todo] = lam - step
        out, into = leaves <= step[:, None], joins <= step[:, None]
        active[todo] = (on & ~out) | into
        weights[todo] = np.where(out, 0, weights[todo])
        barred[todo] = out
        todo = todo[(step < lam * (1 - SMALL)) & ~(enough <= step)]
    return weights / scale


def solve(gram: np.ndarray, active: np.ndarray) -> np.ndarray:
    """(N, m) G⁻¹ 1 among the active candidates, 0 elsewhere."""
    both = active[:, :, None] & active[:, None, :]
    eye = np.eye(active.shape[1])
    inside = np.where(both, gram, 0) + eye * np.where(active, RIDGE, 1)[:, None, :]
    return np.where(active, np.linalg.solve(inside, active.astype(np.float64)[:, :, None])[:, :, 0], 0)
