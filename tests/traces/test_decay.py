"""The decay that errs least: of single spikes what the autocovariance says, of bursts less."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from detectnmf.traces.decay import TRUE, best_decay, liveliest, risk
from detectnmf.traces.pools import Pools
from detectnmf.traces.spectrum import autocovariance, coefficients


def by_autocovariance(y):
    return -1 / np.log(coefficients(autocovariance(y, 10))[:, 0])


def test_of_single_spikes(traces):
    made = traces.simulate(20, 3000, (0.9,), noise=0.1)
    found = best_decay(made.y, np.full(20, 0.1), by_autocovariance(made.y))
    assert np.median(found) == pytest.approx(-1 / np.log(0.9), rel=0.1)


def test_bursts_do_not_make_it_slow():
    """Ten spikes in fifteen frames: the autocovariance is off by half and more."""
    rng = np.random.default_rng(0)
    first = rng.random((20, 3000)) < 0.005
    rates = lfilter(np.ones(15), [1], first.astype(float), axis=1)
    spikes = rng.poisson(0.7 * rates)
    y = lfilter([1], [1, -0.85], spikes, axis=1) + 0.2 * rng.standard_normal((20, 3000))
    true, slow = -1 / np.log(0.85), by_autocovariance(y)
    assert np.median(slow) > 1.5 * true
    assert np.median(best_decay(y, np.full(20, 0.2), slow)) == pytest.approx(true, rel=0.2)


@pytest.mark.parametrize(("noise", "rise"), [(0.1, 0.0), (0.4, 0.0), (0.1, 1.0)])
def test_the_indicators_own_decay_whatever_the_noise_and_the_rise(noise, rise):
    """Where noise is large, what serves deconvolution is slower by a tenth; a rise of a frame is not taken for a fall."""
    rng = np.random.default_rng(1)
    first = rng.random((40, 2000)) < 0.006
    spikes = rng.poisson(0.6 * lfilter(np.ones(8), [1], first.astype(float), axis=1))
    true = 9.0
    c = lfilter([1], [1, -np.exp(-1 / true)], spikes, axis=1)
    c = lfilter([1 - np.exp(-1 / rise)], [1, -np.exp(-1 / rise)], c, axis=1) if rise else c
    y = c + noise * rng.standard_normal(c.shape)
    slow, level = by_autocovariance(y), np.full(40, noise)
    own, serves = np.median(best_decay(y, level, slow, TRUE)), np.median(best_decay(y, level, slow))
    assert own == pytest.approx(true, rel=0.1)
    assert noise < 0.3 or serves > 1.05 * own


def test_risk_is_the_squared_error_that_it_estimates(traces):
    made = traces.simulate(200, 400, (0.9,), noise=0.3)
    for decay in (4.0, 9.5, 25.0):
        pools = Pools.of(made.y, np.full(200, np.exp(-1 / decay)))
        error = ((pools.course(400) - made.c) ** 2).sum(axis=1) / 0.09
        estimated = risk(made.y, np.full(200, decay), np.full(200, 0.3)) + (made.y**2).sum(axis=1) / 0.09 - 400
        assert estimated.mean() == pytest.approx(error.mean(), rel=0.05)


def test_the_liveliest_stretch():
    y = np.zeros((2, 1000))
    y[0, 900], y[1, 130:150] = 5, 1
    found = liveliest(y, 200)
    assert found.shape == (2, 200) and found[0].sum() == 5 and found[1].sum() == 20
    assert liveliest(y, 2000) is y
