"""Brightness over time against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.drift import Bleaching, Steady, levels

QUIET = {"wander": 0.0, "jumps": 0.0}


def test_half_of_what_bleaches_is_gone_after_its_half_time():
    gain = Bleaching(lost=0.4, tau=30.0, early=0.0, **QUIET).draw(20000, 50.0, np.random.default_rng(0))
    assert gain[0] == 1
    assert gain[round(30 * np.log(2) * 50)] == pytest.approx(0.8, abs=1e-3)
    assert gain[-1] == pytest.approx(0.6, abs=1e-4)


def test_two_exponentials():
    gain = Bleaching(lost=0.2, tau=100.0, early=0.1, early_tau=5.0, **QUIET).draw(3000, 10.0, np.random.default_rng(0))
    time = np.arange(3000) / 10
    assert gain == pytest.approx(0.7 + 0.2 * np.exp(-time / 100) + 0.1 * np.exp(-time / 5), abs=1e-6)


def test_the_wander_has_its_spread_and_time():
    still = {"lost": 0.0, "early": 0.0, "jumps": 0.0}
    gains = np.log([Bleaching(wander=0.05, wander_tau=2.0, **still).draw(4000, 10.0, np.random.default_rng(s)) for s in range(10)])
    assert gains.std() == pytest.approx(0.05, rel=0.08)
    assert (gains[:, 20:] * gains[:, :-20]).mean() / gains.var() == pytest.approx(np.exp(-1), abs=0.07)


def test_jumps_come_as_often_and_are_as_large_as_said():
    gains = np.log(
        [Bleaching(lost=0.0, early=0.0, wander=0.0, jumps=6.0, jump=0.03).draw(36000, 10.0, np.random.default_rng(s)) for s in range(5)]
    )
    jumps = np.diff(gains, axis=1)
    jumps = jumps[np.abs(jumps) > 1e-6]
    assert len(jumps) == pytest.approx(5 * 360, rel=0.08)  # an hour each
    assert jumps.std() == pytest.approx(0.03, rel=0.08)


def test_levels_do_not_wander_off():
    """However many jumps, the level stays about where it was."""
    assert levels(200000, 0.5, 0.1, np.random.default_rng(0)).std() == pytest.approx(0.1 / np.sqrt(2), rel=0.05)


def test_steady():
    assert (Steady().draw(10, 5.0, np.random.default_rng(0)) == 1).all()


@pytest.mark.parametrize(
    "knobs", [{"lost": 1.0}, {"early": -0.1}, {"tau": 0}, {"early_tau": 0}, {"wander_tau": 0}, {"wander": 1}, {"jump": -1}, {"jumps": -1}]
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Bleaching(**knobs)
