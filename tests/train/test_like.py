"""Ranges about one microscope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulators import simulator

from detectnmf.train.examples import Labels
from detectnmf.train.like import FACTORS, around
from detectnmf.train.ranges import Ranges
from detectnmf.train.training import Training


def test_ranges_hold_the_values_of_the_knobs_that_there_are() -> None:
    like = replace(simulator(cells=40, rate=9.0), light=50.0)
    flat = Ranges(around(like)).flat()
    assert set(flat) == set(FACTORS)
    assert flat["cells"] == (20, 80) and flat["shapes.diameter"] == pytest.approx((10.0, 14.4))
    assert flat["light"] == pytest.approx((50 / 1.7, 85))
    assert "light" not in around(simulator()) and "decay" not in around(replace(like, activity=None)).get("activity", {})


def test_a_training_like_one_microscope_draws_about_it() -> None:
    like = simulator(cells=40, rate=9.0)
    training = Training(ranges={"snr": (1.0, 2.0)}, labels=Labels()).like(like)
    drawn = Ranges(training.ranges)(like, np.random.default_rng(0))
    assert not training.kinds and drawn.snr == like.snr and 20 <= drawn.cells <= 80 and 9 / 1.1 <= drawn.rate <= 9.9
