"""The non-negative lasso against scikit-learn and against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from detectnmf.demix.lasso import CoordinateDescent, LassoLars

EXACT = CoordinateDescent(sweeps=5000, tolerance=1e-9)


@pytest.fixture(scope="module")
def problem():
    """(C (K, T), X (T, n)): courses that overlap, and pixels that show some of them."""
    rng = np.random.default_rng(0)
    C = rng.standard_normal((6, 80))
    C[1] += 1.5 * C[0]
    C /= np.linalg.norm(C, axis=1, keepdims=True)
    A = rng.exponential(5, (6, 40)) * (rng.random((6, 40)) < 0.4)
    return C, C.T @ A + rng.standard_normal((80, 40))


def solved(solver, C, X, alpha, dtype=torch.float64):
    C, X = torch.tensor(C, dtype=dtype), torch.tensor(X, dtype=dtype)
    return solver(C @ C.T, C @ X, alpha).numpy()


@pytest.mark.parametrize("alpha", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("solver", [EXACT, LassoLars()])
def test_the_optimum_is_scikit_learns(problem, solver, alpha):
    C, X = problem
    frames = X.shape[0]  # scikit-learn divides the squares by the number of samples
    theirs = Lasso(alpha=alpha / frames, positive=True, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(C.T, X).coef_.T
    assert np.abs(solved(solver, C, X, alpha) - theirs).max() < 1e-5


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_optimality_conditions(problem, alpha):
    """The gradient is 0 where a > 0, and >= 0 elsewhere."""
    C, X = problem
    A = solved(EXACT, C, X, alpha)
    gradient = C @ (C.T @ A - X) + alpha
    assert A.min() == 0 and np.abs(gradient[A > 0]).max() < 1e-5 and gradient[A == 0].min() > -1e-5


@pytest.mark.parametrize("solver", [EXACT, LassoLars()])
def test_each_component_may_have_its_own_price(problem, solver):
    """The same conditions with a price for each; the dearest is used least."""
    C, X = problem
    prices = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 6.0])
    A = solved(solver, C, X, torch.tensor(prices))
    gradient = C @ (C.T @ A - X) + prices[:, None]
    assert A.min() == 0 and np.abs(gradient[A > 0]).max() < 1e-5 and gradient[A == 0].min() > -1e-5
    assert A[5].sum() < solved(solver, C, X, 0.5)[5].sum()


@pytest.mark.parametrize("solver", [EXACT, LassoLars()])
def test_nothing_is_left_beyond_the_strongest_signal(problem, solver):
    C, X = problem
    highest = float((C @ X).max())
    assert not solved(solver, C, X, 1.0001 * highest).any()
    assert (solved(solver, C, X, 0.99 * highest) > 0).sum() == 1


@pytest.mark.parametrize("solver", [EXACT, LassoLars()])
def test_components_stay_where_they_may_be(problem, solver):
    C, X = (torch.tensor(x) for x in problem)
    cross = C @ X
    cross[2, ::2] = cross[4, :7] = -torch.inf
    A = solver(C @ C.T, cross, 0.5)
    assert not A[2, ::2].any() and not A[4, :7].any() and A[2, 1::2].any()
    rest = torch.tensor([0, 1, 3, 5])
    alone = solver((C @ C.T)[rest][:, rest], cross[rest][:, :1], 0.5)
    assert torch.allclose(A[rest, 0], alone[:, 0], atol=1e-6), "a component that may not be somewhere does not count there"


def test_a_good_guess_does_not_change_the_optimum(problem):
    C, X = (torch.tensor(x) for x in problem)
    first = EXACT(C @ C.T, C @ X, 1.0)
    again = EXACT(C @ C.T, C @ X, 1.0, first + 0.3)
    assert torch.allclose(first, again, atol=1e-6)


def test_no_components():
    assert CoordinateDescent()(torch.zeros(0, 0), torch.zeros(0, 5), 1.0).shape == (0, 5)
