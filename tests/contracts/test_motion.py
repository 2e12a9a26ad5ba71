"""What every motion must do."""

from __future__ import annotations

import numpy as np

GROUP = "motion"
SIZE = (300, 200)


def test_shape_and_reach(part):
    for pixel_size in (0.5, 2.0):
        shifts = part.shifts(3000, SIZE, 15.0, pixel_size, np.random.default_rng(0))
        assert shifts.dtype == np.float32 and shifts.shape[0] == 3000 and shifts.ndim == 4 and shifts.shape[3] == 2
        assert np.abs(shifts).max() * pixel_size <= part.reach * (1 + 1e-6)


def test_shifts_are_in_um(part):
    """The same motion is half as many pixels where a pixel is twice as large."""
    fine = part.shifts(100, (300, 200), 15.0, 1.0, np.random.default_rng(2))
    coarse = part.shifts(100, (150, 100), 15.0, 2.0, np.random.default_rng(2))
    assert fine.shape == coarse.shape and np.allclose(fine, 2 * coarse, atol=1e-5)


def test_tissue_comes_back(part):
    shifts = part.shifts(30000, SIZE, 15.0, 1.0, np.random.default_rng(0)).mean(axis=(1, 2))
    spread = shifts.std(axis=0)
    assert (np.abs(shifts.mean(axis=0)) <= 0.4 * spread + 1e-9).all()


def test_the_generator_decides(part):
    once, again = (part.shifts(20, SIZE, 15.0, 1.0, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once, again)
