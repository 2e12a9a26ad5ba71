"""Nuclei against balls."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.nuclear import Nuclear


def test_a_plain_nucleus_is_a_ball():
    cell = Nuclear(diameter=6, diameter_sd=0, stretch=1, texture=0, nucleolus=0).draw(1, np.random.default_rng(0))[0]
    assert cell.weights.sum() == pytest.approx(np.pi / 6 * 216)
    assert np.linalg.norm(cell.points, axis=1).max() == pytest.approx(3, rel=0.03)
    assert (np.linalg.norm(cell.points, axis=1) ** 2).mean() == pytest.approx(3 / 5 * 9, rel=0.02)


def test_diameters_and_stretch():
    cells = Nuclear(diameter=5, diameter_sd=0.4, stretch=1.3).draw(300, np.random.default_rng(1))
    diameters = [(6 / np.pi * cell.volume.sum()) ** (1 / 3) for cell in cells]
    assert np.mean(diameters) == pytest.approx(5, abs=0.08) and np.std(diameters) == pytest.approx(0.4, abs=0.05)
    sizes = [np.linalg.eigvalsh(np.cov(cell.points.T)) for cell in cells]
    ratios = [np.sqrt(size[2] / size[0]) for size in sizes]
    assert np.mean(ratios) == pytest.approx(1.15, abs=0.03) and max(ratios) < 1.33


def test_chromatin_is_as_uneven_as_asked():
    cells = Nuclear(texture=0.25, nucleolus=0).draw(100, np.random.default_rng(2))
    density = np.array([cell.weights / cell.volume for cell in cells])
    assert density.mean() == pytest.approx(1, abs=0.03)
    assert density.std() == pytest.approx(0.25, rel=0.1)


def test_the_nucleolus_is_dark():
    for cell in Nuclear(texture=0, nucleolus=0.5, nucleolar=0.0, stretch=1).draw(10, np.random.default_rng(3)):
        assert 1 - cell.weights.sum() / cell.volume.sum() == pytest.approx(0.5**3, rel=0.15)
        dark = cell.points[cell.weights == 0]
        assert np.linalg.norm(dark - dark.mean(axis=0), axis=1).max() < 0.26 * 2 * np.linalg.norm(cell.points, axis=1).max()


@pytest.mark.parametrize("knobs", [{"diameter": 0}, {"texture": 2}, {"nucleolus": 0.9}, {"nucleolar": -1}, {"stretch": 0}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Nuclear(**knobs)
