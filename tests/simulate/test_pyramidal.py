"""Branching processes against cylinders and cones; pyramidal cells against their knobs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.pyramidal import TIP, TRUNK, Pyramidal
from detectnmf.simulate.shapes.tree import SPINE, Pieces, cut, grow, process

ROOT, OUT = np.array([[0.0, 5.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])


def straight(length=60.0, radius=1.2, tip=1 / 3, forks=0):
    return grow(ROOT, OUT, length, forks, radius, tip, np.random.default_rng(0), wiggle=0.0, uneven=0.0)


@pytest.mark.parametrize("spacing", [0.3, 0.8, 50.0])
def test_cones_keep_their_volume(spacing):
    rng = np.random.default_rng(0)
    start, end = rng.normal(0, 20, (2, 30, 3))
    a, b = rng.uniform(0, 2, (2, 30))
    pieces = cut(start, end, a, b, spacing)
    length = np.linalg.norm(end - start, axis=1)
    assert pieces.volume.sum() == pytest.approx((np.pi * length / 3 * (a**2 + a * b + b**2)).sum(), rel=1e-12)
    assert np.linalg.norm(pieces.along, axis=1).max() <= spacing * (1 + 1e-9)
    assert np.linalg.norm(pieces.along, axis=1).sum() == pytest.approx(length.sum())


def test_cones_taper_from_start_to_end():
    pieces = cut(np.zeros((1, 3)), np.array([[0.0, 0, 10]]), np.array([2.0]), np.array([1.0]), 0.1)
    assert pieces.radius == pytest.approx(2 - pieces.centre[:, 2] / 10, abs=1e-3)
    assert pieces.centre[[0, -1], 2] == pytest.approx([0.05, 9.95])


def test_points_fill_a_cylinder_evenly():
    rod = cut(np.zeros((1, 3)), np.array([[300.0, 0, 0]]), np.array([1.5]), np.array([1.5]), 0.8)
    shape = process(rod, 0.5, np.random.default_rng(0))
    assert shape.volume.sum() == pytest.approx(np.pi * 1.5**2 * 300)
    assert np.allclose(shape.weights, 0.5 * shape.volume)
    out = np.hypot(shape.points[:, 1], shape.points[:, 2])
    assert out.max() <= 1.5 and (out**2).mean() == pytest.approx(1.5**2 / 2, rel=0.01)
    for axis in (1, 2):
        assert shape.points[:, axis].mean() == pytest.approx(0, abs=0.02)
        assert (shape.points[:, axis] ** 2).mean() == pytest.approx(1.5**2 / 4, rel=0.02)
    assert np.std(np.histogram(shape.points[:, 0], 100, (0, 300), weights=shape.volume)[0]) < 0.1 * np.pi * 1.5**2 * 3


def test_dendrites_taper_and_reach_their_length():
    pieces = straight()
    travelled = pieces.centre[:, 1] - 5
    assert travelled.max() == pytest.approx(60, abs=1.0)
    assert pieces.radius == pytest.approx(1.2 * 3 ** -(travelled / 60), rel=1e-6)
    assert pieces.volume.sum() == pytest.approx(np.pi * 1.2**2 * 60 * (1 / 9 - 1) / (2 * np.log(1 / 3)), rel=0.01)


def test_each_fork_doubles_the_branches():
    one, two = straight(forks=0), straight(length=60, forks=2)
    # stretches of 1/6, 2/6 and 3/6 of the way, times 1, 2 and 4
    assert len(two.centre) / len(one.centre) == pytest.approx((1 + 4 + 12) / 6, rel=0.03)
    assert two.radius.min() == pytest.approx(one.radius.min(), rel=0.05)


def test_spines_stand_on_the_surface():
    rod = cut(np.zeros((1, 3)), np.array([[1000.0, 0, 0]]), np.array([0.5]), np.array([0.5]), 0.8)
    bare, spiny = (process(rod, 1.0, np.random.default_rng(0), spines=density) for density in (0.0, 1.2))
    assert (spiny.volume.sum() - bare.volume.sum()) / (SPINE * 1.2 * 1000) == pytest.approx(1, abs=0.1)
    out = np.hypot(spiny.points[:, 1], spiny.points[:, 2])
    assert np.allclose(out[len(bare.points) :], 0.5 + 0.7)


def test_no_pieces_no_points():
    none = straight()[np.zeros(0, int)]
    assert len(process(none, 1.0, np.random.default_rng(0), spines=1.0).points) == 0
    assert len(Pieces.join(none, straight()).centre) == len(straight().centre)


def test_the_apical_dendrite_rises_to_the_surface():
    library = Pyramidal(diameter=12, diameter_sd=0, length=70, obliques=0)
    tops, depths, sides = [], [], []
    for cell in library.draw(30, np.random.default_rng(0)):
        tops.append(-cell.points[:, 0].min())
        depths.append(cell.points[:, 0].max())
        sides.append(np.hypot(*cell.points[:, 1:].T).max())
    assert 110 < np.median(tops) < 150  # twice 70, not quite straight
    assert 25 < np.median(depths) < 75 and 40 < np.median(sides) < 100


def test_the_trunk_is_thick():
    """The slice between 20 and 30 µm above a cell without basal dendrites there holds the trunk alone."""
    library = Pyramidal(diameter=12, diameter_sd=0, length=100, obliques=0, forks=0, thickness=1.0, dendrites=1)
    areas = []
    for cell in library.draw(40, np.random.default_rng(1)):
        far = np.linalg.norm(cell.points, axis=1)
        slab = (far > 20) & (far < 30) & (cell.points[:, 0] < -0.7 * far)
        areas.append(cell.volume[slab].sum() / 10)
    assert np.median(areas) == pytest.approx(np.pi * (TRUNK * 0.6**0.2) ** 2, rel=0.15)  # a fifth of the way along


def test_dendrites_hold_the_share_asked_for():
    dark, dim = (Pyramidal(dendritic=share, spines=1.0).draw(1, np.random.default_rng(0))[0] for share in (0.0, 0.3))
    outside = dark.weights == 0
    assert np.array_equal(dark.points, dim.points)
    assert np.allclose(dim.weights[outside], 0.3 * dim.volume[outside])
    assert np.array_equal(dim.weights[~outside], dark.weights[~outside])
    assert dim.volume[outside].sum() > 500  # µm³


def test_volume_of_the_basal_dendrites():
    """Poisson numbers of unforked cones, counted without trunk, tuft and obliques."""
    library = Pyramidal(diameter_sd=0, roughness=0, stretch=1, dendrites=6, forks=0, obliques=0, thickness=1.0)
    few = replace(library, dendrites=1)

    def mean(part):
        return np.mean([cell.volume.sum() for cell in part.draw(120, np.random.default_rng(2))])

    one = np.pi * 70 * (TIP**2 - 1) / (2 * np.log(TIP))
    assert (mean(library) - mean(few)) / one == pytest.approx(5, rel=0.12)


@pytest.mark.parametrize("knobs", [{"dendrites": 0}, {"forks": 9}, {"obliques": -1}, {"spines": 50}, {"thickness": 0}, {"diameter": -3}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Pyramidal(**knobs)
