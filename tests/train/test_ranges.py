"""Knobs are drawn within their ranges, and misspelt ones are refused."""

from __future__ import annotations

import numpy as np
import pytest
from simulators import simulator

from detectnmf.errors import UserError
from detectnmf.train.ranges import Ranges


def test_values_lie_within_and_reach_both_ends() -> None:
    ranges = Ranges({"cells": (5, 9), "snr": (2.0, 20.0), "shapes": {"diameter": (8.0, 10.0)}})
    rng = np.random.default_rng(0)
    base = simulator()
    drawn = [ranges(base, rng) for _ in range(150)]
    assert {d.cells for d in drawn} == {5, 6, 7, 8, 9}
    snr = np.array([d.snr for d in drawn])
    assert 2 <= snr.min() < 2.5 and 16 < snr.max() <= 20
    assert np.median(snr) == pytest.approx(np.sqrt(40), rel=0.25)  # uniform in the logarithm
    assert all(8 <= d.shapes.diameter <= 10 for d in drawn)
    assert simulator().rate == drawn[0].rate  # the rest stays


def test_null_leaves_a_knob_alone() -> None:
    drawn = Ranges({"cells": None, "neuropil": {"amplitude": None}, "snr": (2.0, 3.0)})(simulator(), np.random.default_rng(0))
    assert drawn.cells == simulator().cells and drawn.neuropil == simulator().neuropil and 2 <= drawn.snr <= 3


def test_a_misspelt_knob() -> None:
    with pytest.raises(UserError, match=r"'shapes.diametre' is not a knob of Pyramidal; did you mean 'diameter'"):
        Ranges({"shapes": {"diametre": (1, 2)}})(simulator(), np.random.default_rng(0))


@pytest.mark.parametrize("wrong", [(2, 1), (1,), "ab", 3])
def test_a_range_is_two_numbers(wrong: object) -> None:
    with pytest.raises(UserError, match=r"training\.ranges\.snr must be \[low, high\]"):
        Ranges({"snr": wrong})(simulator(), np.random.default_rng(0))
