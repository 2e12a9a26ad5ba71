"""Peak-valley differences and the mixture of two Gaussians."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.seeds.prominence import Prominence


def test_the_difference_of_a_box_is_its_height_and_one_of_a_single_frame_is_not() -> None:
    traces = np.zeros((2, 200), np.float32)
    traces[0, 50:80] = 4.0
    traces[1, 50] = 4.0
    assert Prominence(smooth=0.5).differences(traces, 10.0) == pytest.approx([4.0, 4.0 / 5])


def test_two_kinds_are_told_apart_in_any_unit() -> None:
    rng = np.random.default_rng(0)
    d = np.concatenate([rng.normal(5, 1, 300), rng.normal(15, 3, 60)])
    for unit in (1e-3, 1.0, 1e5):
        kept = Prominence()(unit * d)
        assert kept[300:].mean() > 0.93 and kept[:300].mean() < 0.02


def test_what_is_higher_is_never_left_out_for_what_is_lower() -> None:
    rng = np.random.default_rng(1)
    d = np.sort(np.concatenate([rng.normal(5, 0.3, 300), rng.normal(9, 4, 100)]))
    assert (np.diff(Prominence().probabilities(d)) >= 0).all()


@pytest.mark.parametrize("d", [np.zeros(0), np.ones(1), np.array([1.0, 9.0]), np.full(50, 3.0)])
def test_where_two_kinds_cannot_be_told_all_are_kept(d: np.ndarray) -> None:
    assert Prominence()(d).all() and len(Prominence()(d)) == len(d)


def test_senseless_input_is_refused() -> None:
    with pytest.raises(UserError, match="1 of 5 peak-valley differences are not finite"):
        Prominence()(np.array([1, 2, 3, 4, np.nan]))
    with pytest.raises(UserError, match=r"probability lies between 0 and 1, got 2"):
        Prominence(probability=2.0)
    assert Prominence().differences(np.zeros((0, 100)), 10.0).shape == (0,)
