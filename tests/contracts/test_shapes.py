"""What every shape library must do."""

from __future__ import annotations

import numpy as np

GROUP = "shapes"


def test_cells_are_weighted_points(part):
    cells = part.draw(5, np.random.default_rng(0))
    assert len(cells) == 5
    for cell in cells:
        assert cell.points.shape == (len(cell.weights), 3)
        assert np.isfinite(cell.points).all()
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
        spread.append(2 * np.sqrt(5 / 3 * np.average(radii[near] ** 2)))  # a filled ball has r² = 3/5 R² on average
    assert 0.75 * part.diameter < np.median(spread) < 1.5 * part.diameter


def test_the_generator_decides(part):
    once, again, other = (part.draw(2, np.random.default_rng(seed))[1] for seed in (3, 3, 4))
    assert np.array_equal(once.points, again.points) and np.array_equal(once.weights, again.weights)
    assert once.points.shape != other.points.shape or not np.allclose(once.points, other.points)


def test_no_cells(part):
    assert part.draw(0, np.random.default_rng(0)) == []
