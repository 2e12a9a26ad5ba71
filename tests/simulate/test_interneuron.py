"""Interneurons against their knobs."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.interneuron import TIP, Interneuron

BALL = {"diameter_sd": 0, "roughness": 0, "stretch": 1}


@pytest.mark.parametrize(("bipolar", "expected"), [(1.0, 2), (0.0, 5)])
def test_number_of_dendrites(bipolar, expected):
    library = Interneuron(**BALL, bipolar=bipolar, dendrites=5, forks=0, length=100, thickness=0.6)
    volumes = [cell.volume.sum() - np.pi / 6 * 12**3 for cell in library.draw(200, np.random.default_rng(0))]
    one = np.pi * 0.6**2 * 100 * (TIP**2 - 1) / (2 * np.log(TIP))
    assert np.mean(volumes) / one == pytest.approx(expected, rel=0.08)


def test_bipolar_cells_stretch_along_the_depth_and_others_in_all_directions():
    spreads = {}
    for bipolar in (0.0, 1.0):
        far = [
            cell.points[np.linalg.norm(cell.points, axis=1) > 20]
            for cell in Interneuron(bipolar=bipolar).draw(60, np.random.default_rng(1))
        ]
        mean = np.mean([(points**2).mean(axis=0) for points in far], axis=0)
        spreads[bipolar] = mean[0] / mean[1:].mean()
    assert 0.7 < spreads[0.0] < 1.4
    assert spreads[1.0] > 2


def test_both_poles_of_a_bipolar_cell():
    for cell in Interneuron(bipolar=1.0).draw(20, np.random.default_rng(2)):
        shell = cell.points[np.abs(np.linalg.norm(cell.points, axis=1) - 12) < 1]
        assert (shell[:, 0] > 5).any() and (shell[:, 0] < -5).any()


def test_dendrites_are_long_and_thin():
    reach = [np.linalg.norm(cell.points, axis=1).max() for cell in Interneuron(length=120).draw(40, np.random.default_rng(3))]
    assert 90 < np.median(reach) < 150


@pytest.mark.parametrize("knobs", [{"dendrites": 1}, {"forks": -1}, {"bipolar": 2}, {"length": 0}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Interneuron(**knobs)
