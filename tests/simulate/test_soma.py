"""Somata against balls."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.shapes.surface import join, soma, spin


def test_a_smooth_soma_is_a_ball():
    cell = Soma(diameter=10, diameter_sd=0, roughness=0, stretch=1).draw(1, np.random.default_rng(0))[0]
    radii = np.linalg.norm(cell.points, axis=1)
    assert radii.max() == pytest.approx(5, rel=0.02)
    assert (radii**2).mean() == pytest.approx(3 / 5 * 25, rel=0.01)


@pytest.mark.parametrize("stretch", [1.0, 1.8])
def test_neuropil_gives_way_to_the_whole_soma(stretch):
    cell = soma(10, 0, stretch, 0.7, 0.0, np.random.default_rng(0))
    assert cell.volume.sum() == pytest.approx(np.pi / 6 * 1000, rel=1e-6)
    assert cell.volume[cell.weights == 0].sum() > 0.2 * cell.volume.sum()  # the nucleus, too


def test_stretch_is_that_of_the_axes():
    axis = np.array([0.6, 0.0, 0.8])
    cell = soma(10, 0, 1.6, 0.7, 1.0, np.random.default_rng(0), axis=axis)
    sizes, axes = np.linalg.eigh(np.cov(cell.points.T))
    assert np.sqrt(sizes[2] / sizes[:2]) == pytest.approx([1.6, 1.6], rel=0.01)
    assert abs(axes[:, 2] @ axis) > 0.999


def test_a_pear_points_along_its_axis():
    axis = np.array([-1.0, 0, 0])
    cell = soma(10, 0, 1.0, 0.7, 1.0, np.random.default_rng(0), axis=axis, pear=0.3)
    assert np.average(cell.points, axis=0, weights=cell.volume) == pytest.approx([0, 0, 0], abs=1e-9)
    assert cell.volume.sum() == pytest.approx(np.pi / 6 * 1000 * (1 + 0.3**2 / 5), rel=0.01)  # mean of (1 - pear u)², u² = 1/5
    assert [-cell.points[:, 0].min(), cell.points[:, 0].max()] == pytest.approx([5.6, 4.4], abs=0.15)  # 5 ± 0.12 · 5: longer where narrow


def test_nucleus_is_dark_unless_filled():
    for filled, expected in ((0.0, 0.1), (1.0, 1.0)):
        library = Soma(diameter_sd=0, roughness=0, stretch=1, nucleus=0.7, nuclear=0.1, filled=filled)
        ratios = []
        for cell in library.draw(20, np.random.default_rng(1)):
            radii = np.linalg.norm(cell.points, axis=1) / 6
            ratios.append(cell.weights[radii < 0.3].mean() / cell.weights[radii > 0.95].mean())
        assert np.mean(ratios) == pytest.approx(expected, rel=0.15)


def test_a_nuclear_indicator_stays_in_the_nucleus():
    library = Soma(diameter=12, diameter_sd=0, roughness=0, stretch=1, nucleus=0.6, nuclear=1.0, cytosol=0.0, filled=0.0)
    for cell in library.draw(5, np.random.default_rng(0)):
        assert cell.weights.sum() == pytest.approx(np.pi / 6 * (0.6 * 12) ** 3, rel=0.03)
        assert np.linalg.norm(cell.points[cell.weights > 0], axis=1).max() < 6 * (0.6 + 0.6 * 0.4 + 0.06)


def test_share_of_filled_cells():
    cells = Soma(nuclear=0.0, filled=0.25).draw(400, np.random.default_rng(2))
    filled = np.mean([cell.weights[np.linalg.norm(cell.points, axis=1).argmin()] > 0 for cell in cells])
    assert filled == pytest.approx(0.25, abs=0.06)


def test_diameters_spread_as_asked():
    cells = Soma(diameter=12, diameter_sd=2, roughness=0, stretch=1).draw(400, np.random.default_rng(3))
    diameters = [2 * np.linalg.norm(cell.points, axis=1).max() for cell in cells]
    assert np.mean(diameters) == pytest.approx(12, abs=0.4)
    assert np.std(diameters) == pytest.approx(2, abs=0.25)


def test_large_somata_are_drawn_as_finely():
    step = [(np.pi / 6 * d**3 / len(soma(d, 0, 1, 0.7, 1, np.random.default_rng(0)).points)) ** (1 / 3) for d in (8, 16, 30)]
    assert max(step) < 0.8


def test_joined_pieces_keep_what_they_are():
    ball, sheet = soma(10, 0, 1, 0.7, 1, np.random.default_rng(0)), Shape(np.ones((3, 3)), np.full(3, 2.0))
    both = join([ball, sheet])
    assert both.weights.sum() == pytest.approx(ball.weights.sum() + 6)
    assert both.volume.sum() == pytest.approx(ball.volume.sum())


def test_a_spin_keeps_depth_and_distances():
    matrix = spin(0.7, True)
    assert np.allclose(matrix @ matrix.T, np.eye(3)) and np.linalg.det(matrix) == pytest.approx(-1)
    assert np.allclose(np.array([3.0, 1, 2]) @ matrix @ [1, 0, 0], 3)
    assert np.allclose([0, 0, 1] @ spin(np.pi / 2, False), [0, -1, 0])


@pytest.mark.parametrize(
    "knobs", [{"diameter": 0}, {"diameter_sd": 20}, {"filled": 1.5}, {"stretch": 0.5}, {"cytosol": 0, "nuclear": 0}, {"roughness": -0.1}]
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Soma(**knobs)
