"""The oracle's regression against least squares, and against traces that fall below zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from toys import toy, traces

from detectnmf.judge.match import trace_cosine
from detectnmf.judge.oracle import nonnegative_regression, oracle_traces
from detectnmf.result import DemixResult


@pytest.fixture(scope="module")
def problem():
    """AᵀA and AᵀY of eight overlapping footprints, one of them empty."""
    rng = np.random.default_rng(0)
    A = rng.random((60, 8)) * (rng.random((60, 8)) < 0.4)
    A[:, 5] = 0
    Y = rng.standard_normal((60, 50))
    return A, Y


def test_signed_regression_is_least_squares(problem):
    A, Y = problem
    found = nonnegative_regression(sparse.csr_array(A.T @ A), A.T @ Y, signed=True)
    seen = A.any(axis=0)
    assert np.allclose(found[seen], np.linalg.lstsq(A[:, seen], Y, rcond=None)[0], atol=1e-8)
    assert (found < 0).any() and not found[~seen].any()


def test_non_negative_regression_meets_its_conditions(problem):
    A, Y = problem
    found = nonnegative_regression(sparse.csr_array(A.T @ A), A.T @ Y)
    gradient = A.T @ Y - A.T @ A @ found
    assert (found >= 0).all() and np.abs(gradient[found > 0]).max() < 1e-5 and gradient[found == 0].max() < 1e-5


@pytest.mark.parametrize("sign", [1, -1])
def test_the_oracle_knows_dips_by_the_truth(sign):
    courses = sign * traces(8, 600, np.random.default_rng(1))
    made = toy((40, 40), 600, cells=8, courses=courses)
    nothing = replace(made.movie, V=0 * made.movie.V, mean=np.zeros_like(made.movie.mean))
    truth = DemixResult(made.truth, np.zeros(made.movie.size, np.float32), nothing)
    found = oracle_traces(made.movie, truth)
    assert (sign * found > -1).all() and (found.min() < -4) == (sign < 0)
    assert np.diag(trace_cosine(found, courses)).min() > 0.97
