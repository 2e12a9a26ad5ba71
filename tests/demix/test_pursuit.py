"""Basis pursuit against scikit-learn's path, its optimality, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.linear_model import lars_path_gram

from detectnmf.demix.pursuit import pursue


def problems(count, width, frames, seed, noise=1.0):
    """Traces (N, m, T) that correlate, and data (N, T) of some of them and noise."""
    rng = np.random.default_rng(seed)
    C = np.abs(rng.standard_normal((count, width, frames))) * (rng.random((count, width, frames)) < 0.2) + 0.3 * rng.random(
        (count, 1, frames)
    )
    a = rng.uniform(0, 2, (count, width)) * (rng.random((count, width)) < 0.6)
    y = np.einsum("nm,nmt->nt", a, C) + noise * rng.standard_normal((count, frames))
    return C - C.mean(2, keepdims=True), y - y.mean(1, keepdims=True)


def solved(C, y, most):
    return pursue(np.einsum("nit,njt->nij", C, C), np.einsum("nit,nt->ni", C, y), np.square(y).sum(1), most)


def left(C, y, a):
    return np.square(y - np.einsum("nm,nmt->nt", a, C)).sum(1)


@pytest.mark.parametrize(("width", "seed"), [(1, 0), (3, 1), (6, 2), (9, 3)])
def test_it_lies_on_scikit_learns_path(width, seed):
    """At the residual that is asked for, the path of the positive Lasso has the same weights."""
    C, y = problems(40, width, 120, seed)
    C /= np.linalg.norm(C, axis=2, keepdims=True)  # the sum of weights then counts all candidates alike, here and there
    best = np.array([nnls(c.T, row)[1] ** 2 for c, row in zip(C, y, strict=True)])
    most = best + 0.3 * (np.square(y).sum(1) - best)
    found = solved(C, y, most)
    for c, row, mine, limit in zip(C, y, found, most, strict=True):
        _, _, path = lars_path_gram(c @ row, c @ c.T, n_samples=1, method="lasso", positive=True)
        error = np.array([np.square(row - weights @ c).sum() for weights in path.T])
        at = int(np.argmax(error <= limit))
        if at == 0:
            assert limit >= np.square(row).sum() or not mine.any()
            continue
        low, high, share = path[:, at - 1], path[:, at], np.linspace(0, 1, 4001)
        between = low + share[:, None] * (high - low)
        fits = np.square(row - between @ c).sum(1)
        assert mine == pytest.approx(between[np.argmax(fits <= limit)], abs=2e-3 * high.max())


def test_the_residual_is_as_large_as_asked_and_optimality_holds():
    """Active candidates all have the same correlation with what is left, the others no more."""
    C, y = problems(200, 5, 150, seed=4)
    energy = np.square(y).sum(1)
    best = np.array([nnls(c.T, row)[1] ** 2 for c, row in zip(C, y, strict=True)])
    most = best + 0.1 * (energy - best)
    a = solved(C, y, most)
    assert (a >= 0).all() and np.allclose(left(C, y, a), most, rtol=1e-6)
    norm = np.linalg.norm(C, axis=2)
    pull = np.einsum("nit,nt->ni", C, y - np.einsum("nm,nmt->nt", a, C)) / norm
    level = pull.max(1, keepdims=True)
    assert np.allclose(np.where(a > 0, pull, level), level, rtol=1e-5)


def test_what_cannot_be_explained_is_fitted_as_well_as_it_can():
    C, y = problems(60, 4, 80, seed=5)
    expected = np.array([nnls(c.T, row)[0] for c, row in zip(C, y, strict=True)])
    assert np.allclose(solved(C, y, np.zeros(60)), expected, atol=1e-4)


def test_noise_alone_needs_no_cell():
    C, y = problems(50, 4, 200, seed=6)
    assert not solved(C, y, 1.01 * np.square(y).sum(1)).any()


def test_one_candidate_is_a_soft_threshold():
    """a = (c·y − λ‖c‖) / ‖c‖² with the λ at which the residual is ε."""
    C, y = problems(30, 1, 100, seed=7)
    norm, along, energy = np.linalg.norm(C[:, 0], axis=1), np.einsum("nt,nt->n", C[:, 0], y), np.square(y).sum(1)
    most = energy - 0.6 * np.maximum(along, 0) ** 2 / norm**2
    lam = np.sqrt(np.maximum((most - energy) + along**2 / norm**2, 0))
    expected = np.where(along > 0, (along - lam * norm) / norm**2, 0)
    assert np.allclose(solved(C, y, most)[:, 0], np.maximum(expected, 0), atol=1e-9)


def test_places_without_a_candidate_and_twins_do_no_harm():
    C, y = problems(20, 3, 90, seed=8)
    alone = solved(C, y, 0.5 * np.square(y).sum(1))
    padded = np.concatenate([C, np.zeros((20, 2, 90))], axis=1)
    assert np.allclose(solved(padded, y, 0.5 * np.square(y).sum(1)), np.pad(alone, ((0, 0), (0, 2))), atol=1e-9)
    twins = solved(np.concatenate([C, C[:, :1]], axis=1), y, 0.5 * np.square(y).sum(1))
    assert np.allclose(twins[:, 0] + twins[:, 3], alone[:, 0], atol=1e-3) and np.isfinite(twins).all()
