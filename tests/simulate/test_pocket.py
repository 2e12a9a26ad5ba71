"""Pockets of oxygen against the sizes they are asked to have."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.footprints import look
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.pocket import Pocket
from detectnmf.simulate.sources import respond

PIXEL, FIELD = 2.0, 81
DIP = -np.concatenate([np.linspace(0, 1, 31), np.ones(20), np.linspace(1, 0, 31)])  # 1 Hz


def film(cell, course=DIP):
    """(T, Y, X) what the pocket looks like during a dip."""
    place = np.array([[0, FIELD // 2 * PIXEL, FIELD // 2 * PIXEL]])
    seen = look([cell], place, Optics.of(TwoPhoton(PIXEL)), (FIELD, FIELD), 1e-3)
    courses = np.stack([respond(part, course, 1.0) for part in cell.parts] or [course])
    return (seen.footprints @ courses).T.reshape(-1, FIELD, FIELD)


def area(frame, level=0.5):
    return (-frame > level).sum() * PIXEL**2


@pytest.mark.parametrize("wanted", [900.0, 1780.0])
def test_area_above_half_depth(wanted):
    for cell in Pocket(area=wanted, area_spread=0).draw(5, np.random.default_rng(0)):
        assert area(film(cell)[40]) == pytest.approx(wanted, rel=0.05)


def test_areas_are_log_normal():
    cells = Pocket(area=1780, area_spread=0.5).draw(200, np.random.default_rng(1))
    areas = np.array([(cell.weights > 0.5 * cell.weights.max()).sum() for cell in cells])  # points 1 µm apart
    assert np.median(areas) == pytest.approx(1780, rel=0.12)
    assert np.std(np.log(areas)) == pytest.approx(0.5, abs=0.06)


def test_a_sheet_is_as_thick_as_wide():
    cell = Pocket(area=1780, area_spread=0).draw(1, np.random.default_rng(1))[0]
    assert cell.weights.max() == pytest.approx(np.sqrt(4 * 1780 / np.pi), rel=0.01)  # concentration 1 on 1 µm² at the middle


def test_it_grows_as_it_deepens_and_shrinks_as_it_fades():
    for cell in Pocket(area_spread=0, growth=0.6, delay=0).draw(3, np.random.default_rng(2)):
        frames = film(cell)
        lit = [area(frame, 0.02) for frame in frames]
        assert lit[8] < 0.5 * lit[20] < 0.5 * lit[40]
        assert np.allclose(lit, lit[::-1], rtol=0.02)
    still = film(Pocket(area_spread=0, growth=0, delay=0).draw(1, np.random.default_rng(2))[0])
    assert np.allclose(still[15], 0.5 * still[40], atol=1e-5)


def test_it_drifts_while_it_lasts():
    y, x = np.indices((FIELD, FIELD)) * PIXEL
    course = -np.interp(np.arange(40.0), [5, 13, 20, 28], [0, 1, 1, 0])

    def way(delay):
        """µm between the middles of the growing and of the fading pocket, along the way from its first edge to its last."""
        cell = Pocket(area_spread=0, delay=delay).draw(3, np.random.default_rng(3))[-1]
        frames = film(cell, course)
        middles = [[np.average(grid, weights=-frames[t]) for grid in (y, x)] for t in (10, 25)]
        delays = np.array([part.delay for part in cell.parts])[cell.part]
        heading = np.array([np.cov(cell.points[:, axis], delays)[0, 1] for axis in (1, 2)])
        return np.subtract(middles[1], middles[0]) @ heading / max(np.linalg.norm(heading), 1e-9), delays.max()

    assert way(0.0) == (0, 0)
    distance, delay = way(8.0)
    assert delay > 2 and distance > 2.0


def test_parts_wake_in_order():
    cell = Pocket(growth=0.6, delay=5.0).draw(1, np.random.default_rng(4))[0]
    far = np.linalg.norm(cell.points, axis=1)
    thresholds = np.array([part.threshold for part in cell.parts])[cell.part]
    delays = np.array([part.delay for part in cell.parts])[cell.part]
    assert np.corrcoef(far, thresholds)[0, 1] > 0.85
    fit, *_ = np.linalg.lstsq(np.column_stack([cell.points[:, 1:], np.ones(len(far))]), delays, rcond=None)
    assert np.corrcoef(cell.points[:, 1:] @ fit[:2], delays)[0, 1] > 0.9
    assert thresholds.max() == pytest.approx(0.6) and 0 < delays.max() <= 5.0


def test_a_pocket_that_does_not_change_has_no_parts():
    cell = Pocket(growth=0, delay=0).draw(1, np.random.default_rng(5))[0]
    assert cell.parts == () and cell.part is None


@pytest.mark.parametrize("knobs", [{"area": 0}, {"area_spread": -1}, {"growth": 1.0}, {"delay": -1}, {"roughness": 0.9}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Pocket(**knobs)
