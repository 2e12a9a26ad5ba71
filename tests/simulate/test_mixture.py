"""Mixtures against their shares."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.gaussian import Gaussian
from detectnmf.simulate.shapes.mixture import Mixture
from detectnmf.simulate.shapes.nuclear import Nuclear

PARTS = {"sheet": Gaussian(diameter=10), "ball": Nuclear(diameter=5)}


def test_kinds_come_in_their_shares():
    cells = Mixture(PARTS, {"ball": 3, "sheet": 1}).draw(1000, np.random.default_rng(0))
    kinds = np.array([cell.kind for cell in cells])
    assert set(kinds) == {"ball", "sheet"}
    assert (kinds == "ball").mean() == pytest.approx(0.75, abs=0.04)
    assert all((np.ptp(cell.points[:, 0]) == 0) == (cell.kind == "sheet") for cell in cells)
    runs = 1 + (kinds[1:] != kinds[:-1]).sum()  # in random order: 2 · 1000 · 0.75 · 0.25 changes
    assert runs == pytest.approx(375, rel=0.15)


def test_diameter_is_the_mean_over_cells():
    assert Mixture(PARTS, {"ball": 3, "sheet": 1}).diameter == pytest.approx(0.75 * 5 + 0.25 * 10)


def test_a_share_of_nothing():
    cells = Mixture(PARTS, {"ball": 0, "sheet": 2}).draw(50, np.random.default_rng(1))
    assert {cell.kind for cell in cells} == {"sheet"}


@pytest.mark.parametrize("shares", [{"ball": 1}, {"ball": 1, "sheet": 1, "rod": 1}, {"ball": -1, "sheet": 2}, {"ball": 0, "sheet": 0}])
def test_impossible_shares(shares):
    with pytest.raises(UserError, match=r"shapes\.shares"):
        Mixture(PARTS, shares)
