"""Cells where they were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectnmf.errors import UserError
from detectnmf.simulate.place import scatter

LOW, HIGH = np.array([-5.0, 0, 0]), np.array([5.0, 100, 200])


def test_uniform_in_the_box():
    places = scatter(4000, LOW, HIGH, 0.0, np.random.default_rng(0))
    for axis in range(3):
        assert stats.kstest(places[:, axis], stats.uniform(LOW[axis], HIGH[axis] - LOW[axis]).cdf).pvalue > 0.01


def test_kept_apart():
    places = scatter(120, LOW, HIGH, 9.0, np.random.default_rng(0))
    distances = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(120, 1)]
    assert len(places) == 120 and distances.min() >= 9
    assert distances.min() < 9.5  # close ones are allowed


def test_denser_where_it_glows():
    """Density in proportion to a ramp: the mean place along it is at two thirds."""
    glow = np.linspace(0, 1, 200) * np.ones((100, 1))
    places = scatter(6000, LOW, HIGH, 0.0, np.random.default_rng(0), glow, 1.0)
    assert places[:, 2].mean() == pytest.approx(200 * 2 / 3, rel=0.02)
    assert places[:, 1].mean() == pytest.approx(50, rel=0.03)


def test_glow_has_its_own_pixels():
    glow = np.zeros((50, 100))
    glow[8:13, 28:33] = 1
    places = scatter(20, LOW, HIGH, 0.0, np.random.default_rng(0), glow, 2.0)
    assert np.abs(places[:, 1:] - [20, 60]).max() <= 5


def test_no_room():
    with pytest.raises(UserError, match=r"found room for \d+ of 2000 cells"):
        scatter(2000, LOW, HIGH, 9.0, np.random.default_rng(0))


def test_nothing_asked():
    assert scatter(0, LOW, HIGH, 9.0, np.random.default_rng(0)).shape == (0, 3)
