"""Somata and dendrites of known geometry."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.pyramidal import Pyramidal
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.shapes.tree import tree


def test_a_smooth_soma_is_a_ball():
    cell = Soma(diameter=10, diameter_sd=0, roughness=0, stretch=1).draw(1, np.random.default_rng(0))[0]
    radii = np.linalg.norm(cell.points, axis=1)
    assert radii.max() == pytest.approx(5, rel=0.02)
    assert (radii**2).mean() == pytest.approx(3 / 5 * 25, rel=0.01)


def test_nucleus_is_dark_unless_filled():
    for filled, expected in ((0.0, 0.1), (1.0, 1.0)):
        library = Soma(diameter_sd=0, roughness=0, stretch=1, nucleus=0.7, nuclear=0.1, filled=filled)
        ratios = []
        for cell in library.draw(20, np.random.default_rng(1)):
            radii = np.linalg.norm(cell.points, axis=1) / 6
            ratios.append(cell.weights[radii < 0.3].mean() / cell.weights[radii > 0.95].mean())
        assert np.mean(ratios) == pytest.approx(expected, rel=0.15)


def test_share_of_filled_cells():
    cells = Soma(nuclear=0.0, filled=0.25).draw(400, np.random.default_rng(2))
    filled = np.mean([cell.weights[np.linalg.norm(cell.points, axis=1).argmin()] > 0 for cell in cells])
    assert filled == pytest.approx(0.25, abs=0.06)


def test_diameters_spread_as_asked():
    cells = Soma(diameter=12, diameter_sd=2, roughness=0, stretch=1).draw(400, np.random.default_rng(3))
    diameters = [2 * np.linalg.norm(cell.points, axis=1).max() for cell in cells]
    assert np.mean(diameters) == pytest.approx(12, abs=0.4)
    assert np.std(diameters) == pytest.approx(2, abs=0.25)


def test_dendrites_taper_and_reach_their_length():
    roots = np.array([[0.0, 5.0, 0.0]])
    straight = tree(roots, length=60, generations=1, radius=1.2, concentration=0.5, rng=np.random.default_rng(0), wiggle=0.0)
    y = straight.points[:, 1]
    assert y.max() == pytest.approx(65, abs=1.0)
    # a cone from 1.2 to 0.4 µm: mean square radius 0.4² (1 + 3 + 9) / 3
    assert straight.weights.sum() == pytest.approx(0.5 * np.pi * 60 * 0.16 * 13 / 3, rel=0.05)
    assert np.abs(straight.points[y < 15, 2]).max() > 2 * np.abs(straight.points[y > 55, 2]).max()


def test_each_fork_doubles_the_branches():
    roots = np.array([[0.0, 5.0, 0.0]])
    counts = [len(tree(roots, 30.0 * n, n, 1.0, 1.0, np.random.default_rng(0)).points) for n in (1, 2, 3)]
    assert np.array(counts) / counts[0] == pytest.approx([1, 3, 7])


def test_pyramidal_cells_reach_far_and_stay_dim():
    cell = Pyramidal(diameter=12, length=70).draw(1, np.random.default_rng(0))[0]
    radii = np.linalg.norm(cell.points, axis=1)
    assert radii.max() > 50
    assert 0.2 < cell.weights[radii < 8].sum() / cell.weights.sum() < 0.95


@pytest.mark.parametrize(
    ("library", "knobs"),
    [
        (Soma, {"diameter": 0}),
        (Soma, {"diameter_sd": 20}),
        (Soma, {"filled": 1.5}),
        (Soma, {"stretch": 0.5}),
        (Pyramidal, {"dendrites": 0}),
        (Pyramidal, {"forks": 9}),
    ],
)
def test_impossible_knobs(library, knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        library(**knobs)
