"""Deconvolution is the convex optimum, however many cells at once; what is asked of the residual and of the spikes holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectnmf.errors import UserError
from detectnmf.traces import pivot
from detectnmf.traces.deconvolve import deconvolve
from detectnmf.traces.pools import Pools

ONES = ((0.95,), (0.5,), (0.99,))
TWOS = ((1.35, -0.38), (1.7, -0.712), (0.9, 0.0))
GAPS = np.isin(np.arange(120), [0, 1, 30, 31, 32, 60, 118, 119], invert=True)


@pytest.mark.parametrize("valid", [None, GAPS], ids=["whole", "gaps"])
@pytest.mark.parametrize("penalty", [0.0, 0.4])
@pytest.mark.parametrize("g", ONES)
def test_order_one_is_the_convex_optimum(traces, g, penalty, valid):
    made = traces.simulate(3, 120, g, rate=0.05)
    found = deconvolve(made.y, np.tile(g, (3, 1)), valid=valid, penalty=np.full(3, penalty))
    for y, c, s in zip(made.y, found.c, found.s, strict=True):
        slow = traces.convex(y, g, penalty, valid)
        np.testing.assert_allclose(c, slow[0], atol=1e-6)
        first = 0 if valid is None else int(valid.argmax())
        assert s[first] == 0
        np.testing.assert_allclose(s[first + 1 :], slow[1][first + 1 :], atol=1e-6)


@pytest.mark.parametrize("valid", [None, GAPS], ids=["whole", "gaps"])
@pytest.mark.parametrize("penalty", [0.0, 0.4])
@pytest.mark.parametrize("g", ONES + TWOS)
def test_pivoting_is_the_convex_optimum_of_any_order(traces, g, penalty, valid):
    made = traces.simulate(3, 120, g, rate=0.05)
    problem = pivot.Problem(made.y, np.tile(g, (3, 1)), np.ones(120, bool) if valid is None else valid)
    found = pivot.solve(problem, np.full(3, penalty))
    for y, c, s in zip(made.y, found.c, found.s, strict=True):
        slow = traces.convex(y, g, penalty, valid)
        np.testing.assert_allclose(c, slow[0], atol=1e-6)
        np.testing.assert_allclose(s, slow[1], atol=1e-6)


@pytest.mark.parametrize("valid", [None, np.arange(900) % 11 > 0], ids=["whole", "gaps"])
def test_two_algorithms_agree_on_penalty_and_small_spikes(traces, valid):
    """On longer traces than the dense solution can do, and where what is asked for is a penalty or a least spike."""
    made = traces.simulate(12, 900)
    g, seen = np.full((12, 1), 0.95), np.ones(900, bool) if valid is None else valid
    energy, problem = np.full(12, 0.09 * seen.sum()), pivot.Problem(made.y, g, seen)
    pools, penalty = Pools.of(made.y, g[:, 0], valid).constrained((made.y[:, seen] ** 2).sum(1), energy)
    solved, same = pivot.constrained(problem, energy)
    np.testing.assert_allclose(penalty, same, rtol=1e-5)
    np.testing.assert_allclose(pools.course(900, penalty), solved.c, atol=1e-5)
    least = np.full(12, 0.5)
    pools, solved = Pools.of(made.y, g[:, 0], valid).without_small(least), pivot.without_small(problem, least)
    np.testing.assert_allclose(pools.course(900), solved.c, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(1, 4), st.floats(0.1, 0.99), st.floats(0, 5), st.integers(0, 10**6))
def test_optimality_holds_for_any_trace(frames, cells, g, penalty, seed):
    """The conditions of Karush, Kuhn and Tucker: s >= 0, the gradient along every spike >= 0, and 0 where there is one."""
    y = np.random.default_rng(seed).standard_normal((cells, frames)) * 10
    pools = Pools.of(y, np.full(cells, g)).pooled(np.full(cells, penalty))
    c, s = pools.course(frames, np.full(cells, penalty)).astype(float), pools.spikes(frames, np.full(cells, penalty)).astype(float)
    gradient = np.zeros_like(y)
    later = np.zeros(cells)
    for t in range(frames - 1, -1, -1):
        later = (c - y)[:, t] + g * later
        gradient[:, t] = later + penalty
    assert s.min() >= 0 and gradient.min() > -1e-3
    assert np.abs(gradient * s).max() < 1e-3 * max(1, np.abs(y).max() ** 2)


@pytest.mark.parametrize("g", [(0.95,), (1.35, -0.38)], ids=["order 1", "order 2"])
def test_residual_is_the_noise_and_spikes_are_where_they_were(traces, g):
    made = traces.simulate(10, 2000, g, noise=0.15)
    found = deconvolve(made.y, np.tile(g, (10, 1)), np.full(10, 0.15))
    np.testing.assert_allclose(((made.y - found.c) ** 2).mean(1), 0.15**2, rtol=2e-3)
    assert (found.penalty > 0).all()
    assert np.mean([np.corrcoef(c, true)[0, 1] for c, true in zip(found.c, made.c, strict=True)]) > 0.99
    assert np.mean([np.corrcoef(s, true)[0, 1] for s, true in zip(found.s, made.s, strict=True)]) > (0.9 if len(g) == 1 else 0.7)


@pytest.mark.parametrize("g", [(0.95,), (1.35, -0.38)], ids=["order 1", "order 2"])
def test_least_spike(traces, g):
    """All spikes alike, low noise: exactly these are found."""
    made = traces.simulate(6, 800, g, noise=0.05)
    found = deconvolve(made.y, np.tile(g, (6, 1)), least=np.full(6, 0.3))
    assert (found.s[found.s > 0] >= 0.3 - 1e-6).all()
    assert ((found.s > 0) == (made.s > 0))[:, 5:].mean() > 0.998
    assert not found.penalty.any()


def test_a_floor_lifts_the_penalty(traces):
    made = traces.simulate(5, 500)
    g, floor = np.full((5, 1), 0.95), np.array([0.0, 0.0, 9.0, 9.0, 9.0])
    free, found = deconvolve(made.y, g, np.full(5, 0.3)), deconvolve(made.y, g, np.full(5, 0.3), penalty=floor)
    np.testing.assert_allclose(found.penalty, np.maximum(free.penalty, floor))
    exact = deconvolve(made.y, g, penalty=found.penalty)
    np.testing.assert_allclose(found.c, exact.c, atol=1e-6)


def test_what_was_there_before_is_no_spike():
    """A decay that began before the recording, by each order."""
    y = 5 * 0.9 ** np.arange(200)[None]
    one = deconvolve(y, np.array([[0.9]]))
    np.testing.assert_allclose(one.c, y, atol=1e-5)
    assert one.s.max() < 1e-12  # rounding
    two = deconvolve(y, np.array([[1.2, -0.27]]))  # 0.9 and 0.3
    np.testing.assert_allclose(two.c[:, 3:], y[:, 3:], rtol=0.02, atol=1e-3)
    assert two.s[:, 3:].max() < 0.05


def test_traces_without_anything():
    """Constant, all negative, more noise than signal: nothing comes back, and the others are not touched."""
    y = np.array([np.zeros(50), np.full(50, -3.0), np.random.default_rng(0).standard_normal(50), np.full(50, 2.0)])
    found = deconvolve(y, np.full((4, 1), 0.9), np.array([0.0, 1.0, 5.0, 0.0]))
    assert not found.c[:3].any() and not found.s[:3].any()
    np.testing.assert_allclose(found.c[3], 2, atol=1e-5)
    assert deconvolve(np.zeros((0, 50)), np.zeros((0, 1))).c.shape == (0, 50)
    assert deconvolve(np.zeros((0, 50)), np.zeros((0, 2))).c.shape == (0, 50)


@pytest.mark.parametrize(
    ("y", "g", "words"),
    [
        (np.zeros(9), np.array([[0.9]]), r"must be \(K, T\) .*y\[None\]"),
        (np.zeros((1, 2)), np.array([[1.2, -0.3]]), "2 valid frames are too few for an autoregressive order of 2"),
        (np.zeros((1, 9)), np.array([[1.1]]), "g must decay"),
        (np.zeros((1, 9)), np.array([[0.0]]), "g must decay"),
    ],
)
def test_refusals(y, g, words):
    with pytest.raises(UserError, match=words):
        deconvolve(y, g)
