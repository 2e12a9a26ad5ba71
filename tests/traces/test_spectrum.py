"""Noise and coefficients of processes that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from detectnmf.errors import UserError
from detectnmf.traces.spectrum import autocovariance, coefficients, decaying, leak, noise_of, of_roots, transfer, upper_half


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("frames", [1000, 4001])
def test_white_noise(frames, robust):
    noise = 7 + 3 * np.random.default_rng(0).standard_normal((40, frames))
    assert np.sqrt(upper_half(noise, robust)).mean() == pytest.approx(3, rel=0.01)
    assert noise_of(noise, robust=robust).mean() == pytest.approx(3, rel=0.02)


def test_hum_counts_little_in_the_robust_variant():
    noise = np.random.default_rng(0).standard_normal((20, 3000))
    noise += 2 * np.sin(2 * np.pi * 0.31 * np.arange(3000))
    assert np.sqrt(upper_half(noise)).mean() > 1.5
    assert np.sqrt(upper_half(noise, robust=True)).mean() == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("peak", [3, 10])
@pytest.mark.parametrize("g", [0.95, 0.9])
def test_noise_and_decay_under_transients(traces, g, peak):
    """What is asked for: noise within 3 %, g within 0.02, at SNR 3 and more in a typical recording; spikes in 1 % of the frames."""
    made = traces.simulate(40, 10_000, (g,), rate=0.01, noise=1 / peak)
    covariance = autocovariance(made.y, 10)
    found = coefficients(covariance)[:, 0]
    assert np.median(np.abs(found - g)) < 0.01 and np.mean(np.abs(found - g) < 0.02) > 0.95
    noise = noise_of(made.y, found[:, None], covariance) * peak
    assert noise.mean() == pytest.approx(1, abs=0.015) and np.mean(np.abs(noise - 1) < 0.03) > 0.85


def test_noise_where_transients_are_all_of_the_spectrum(traces):
    """At SNR 40 the upper half of the spectrum says nothing of the noise, and the quiet stretches do."""
    made = traces.simulate(20, 10_000, rate=0.01, noise=1 / 40)
    assert np.sqrt(upper_half(made.y)).mean() * 40 > 2
    np.testing.assert_allclose(noise_of(made.y) * 40, 1, atol=0.12)


def test_second_order_from_the_autocovariance(traces):
    made = traces.simulate(20, 20_000, (1.35, -0.38), noise=0.1)
    np.testing.assert_allclose(coefficients(autocovariance(made.y, 10), 2).mean(axis=0), made.g, atol=0.06)


def test_autocovariance_is_the_sum_that_it_is():
    x = np.random.default_rng(1).standard_normal((3, 50)).cumsum(axis=1)
    d = x - x.mean(axis=1, keepdims=True)
    slow = np.stack([(d[:, : 50 - lag] * d[:, lag:]).sum(axis=1) / 50 for lag in range(6)], axis=1)
    np.testing.assert_allclose(autocovariance(x, 5), slow, atol=1e-12)


def test_energy_and_leak_of_a_process():
    """Closed forms: Σ g^2k = 1 / (1 − g²); and the leak is what simulated innovations leave in the upper half."""
    g = np.array([[0.95], [0.5]])
    np.testing.assert_allclose(transfer(g, 0.0), 1 / (1 - g[:, 0] ** 2), rtol=1e-3)
    pair = np.array([[1.35, -0.38]])
    response = lfilter([1], [1, -1.35, 0.38], np.eye(1, 500)[0])
    np.testing.assert_allclose(transfer(pair, 0.0), (response**2).sum(), rtol=1e-3)
    drawn = lfilter([1], [1, -0.5], np.random.default_rng(0).standard_normal((40, 4000)), axis=1)
    assert leak(g[1:])[0] == pytest.approx(upper_half(drawn).mean() / drawn.var(), rel=0.02)


def test_coefficients_that_would_ring_or_grow_are_brought_back():
    np.testing.assert_allclose(of_roots(np.array([[0.4, 0.95]])), [[1.35, -0.38]])
    np.testing.assert_allclose(decaying(np.array([[1.35, -0.38]])), [[1.35, -0.38]])
    for wild in ([[1.9, -1.5]], [[-0.5, 0.2]], [[2.5, -1.0]]):
        roots = np.roots(np.r_[1, -decaying(np.array(wild))[0]])
        assert np.isreal(roots).all() and roots.min() >= 0 and 0 < roots.max() < 1
    assert decaying(np.array([[1.2], [-0.3]])).tolist() == [[0.998], [0.05]]


def test_too_short():
    with pytest.raises(UserError, match="3 frames are too short"):
        noise_of(np.zeros((2, 3)))
    with pytest.raises(UserError, match="too short for an autoregressive order of 2"):
        coefficients(np.ones((1, 4)), 2)


def test_a_constant_has_no_noise():
    np.testing.assert_allclose(noise_of(np.full((2, 100), 5.0)), 0, atol=1e-12)
    assert np.isfinite(coefficients(autocovariance(np.full((2, 100), 5.0), 10))).all()
