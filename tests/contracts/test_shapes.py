"""What every shape library must do."""

from __future__ import annotations

import numpy as np

from detectnmf.simulate.footprints import look
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.two_photon import TwoPhoton

GROUP = "shapes"


def test_cells_are_weighted_points(part):
    cells = part.draw(5, np.random.default_rng(0))
    assert len(cells) == 5
    for cell in cells:
        assert cell.points.shape == (len(cell.weights), 3)
        assert np.isfinite(cell.points).all() and np.isfinite(cell.weights).all()
        assert cell.weights.min() >= 0 and cell.weights.sum() > 0


def test_soma_sits_at_the_origin(part):
    for cell in part.draw(8, np.random.default_rng(1)):
        near = np.linalg.norm(cell.points, axis=1) < part.diameter / 2
        centre = np.average(cell.points[near], axis=0, weights=cell.weights[near])
        assert np.linalg.norm(centre) < part.diameter / 5


def test_diameter_is_that_of_the_somata(part):
    spread = []
    for cell in part.draw(30, np.random.default_rng(2)):
        radii = np.linalg.norm(cell.points, axis=1)
        near = radii < part.diameter  # leaves long processes out
        fills = cell.weights if cell.volume is None else cell.volume
        spread.append(2 * np.sqrt(5 / 3 * np.average(radii[near] ** 2, weights=fills[near])))  # a filled ball has r² = 3/5 R² on average
    assert 0.75 * part.diameter < np.median(spread) < 1.5 * part.diameter


def test_indicator_is_that_of_a_soma_and_its_processes(part):
    """Within a factor of five of a well-filled ball of the soma's size."""
    ball = np.pi / 6 * part.diameter**3
    amounts = np.array([cell.weights.sum() for cell in part.draw(20, np.random.default_rng(3))])
    assert 0.2 * ball < np.median(amounts) < 5 * ball


def test_what_is_displaced_holds_the_indicator(part):
    for cell in part.draw(8, np.random.default_rng(4)):
        if cell.volume is not None:
            assert cell.volume.shape == cell.weights.shape
            assert np.isfinite(cell.volume).all() and cell.volume.min() >= 0
            assert (cell.weights <= 2 * cell.volume + 1e-9).all()


def test_parts_are_all_there(part):
    for cell in part.draw(8, np.random.default_rng(5)):
        if cell.part is None:
            assert cell.parts == ()
            continue
        assert cell.part.shape == cell.weights.shape
        assert set(cell.part.tolist()) == set(range(len(cell.parts))) and len(cell.parts) > 1
        assert all(0 <= p.threshold < 1 and 0 <= p.delay < np.inf for p in cell.parts)


def test_seen_in_focus_where_it_is(part):
    pixel = part.diameter / 12
    field = 61
    place = np.array([0, 30 * pixel, 30 * pixel])
    cells = part.draw(6, np.random.default_rng(6))
    seen = look(cells, np.tile(place, (6, 1)), Optics.of(TwoPhoton(pixel)), (field, field), 0.3)
    rows, columns = np.divmod(np.arange(field**2), field)
    for k in range(6):
        image = seen.whole[:, [k]].toarray().ravel()
        assert 0.05 < seen.peak[k] < 100
        assert np.hypot(np.average(rows, weights=image) - 30, np.average(columns, weights=image) - 30) < 4  # a third of the diameter
    assert 0.5 * 12 < np.median(seen.width) < 2 * 12


def test_the_generator_decides(part):
    once, again, other = (part.draw(2, np.random.default_rng(seed))[1] for seed in (3, 3, 4))
    assert np.array_equal(once.points, again.points) and np.array_equal(once.weights, again.weights)
    assert once.points.shape != other.points.shape or not (
        np.allclose(once.points, other.points) and np.allclose(once.weights, other.weights)
    )


def test_no_cells(part):
    assert part.draw(0, np.random.default_rng(0)) == []
