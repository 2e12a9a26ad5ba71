"""A mixture of kinds of movies."""

from __future__ import annotations

import numpy as np
import pytest
from simulators import simulator

from detectnmf.errors import UserError
from detectnmf.train.kinds import Kind, Mixture, merged


def test_kinds_come_as_often_as_their_shares_with_their_parts_and_ranges() -> None:
    still, lively = Kind(1.0, {"cells": 7}, {"snr": None, "cells": None}), Kind(3.0, {}, {"shapes": {"diameter": (20.0, 21.0)}})
    mixture = Mixture({"snr": (2.0, 3.0), "cells": (50, 60), "shapes": {"diameter": (8.0, 9.0)}}, {"still": still, "lively": lively})
    rng = np.random.default_rng(0)
    base = simulator()
    drawn = [mixture(base, rng) for _ in range(200)]
    assert sum(name == "lively" for name, _ in drawn) == pytest.approx(150, abs=20)
    for name, one in drawn:
        if name == "still":
            assert one.cells == 7 and one.snr == simulator().snr and 8 <= one.shapes.diameter <= 9
        else:
            assert 50 <= one.cells <= 60 and 2 <= one.snr <= 3 and 20 <= one.shapes.diameter <= 21


def test_no_kinds_is_the_simulator_itself() -> None:
    name, drawn = Mixture({"snr": (2.0, 3.0)})(simulator(), np.random.default_rng(0))
    assert name == "movie" and 2 <= drawn.snr <= 3 and drawn.psf == simulator().psf


def test_merging_goes_down() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "e": 5}) == {"a": {"b": 1, "c": 4}, "d": 3, "e": 5}


def test_mistakes() -> None:
    with pytest.raises(UserError, match=r"training\.kinds\.odd\.parts: 'psff' is not a knob of the simulator; did you mean 'psf'"):
        Mixture({}, {"odd": Kind(1.0, {"psff": 1})}).each(simulator())
    with pytest.raises(UserError, match="share must be above 0, got 0"):
        Kind(0.0)
