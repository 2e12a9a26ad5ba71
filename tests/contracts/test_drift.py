"""What every drift must do."""

from __future__ import annotations

import numpy as np

GROUP = "drift"


def test_gain_is_positive_and_starts_near_one(part):
    starts = []
    for seed in range(20):
        gain = part.draw(500, 10.0, np.random.default_rng(seed))
        assert gain.shape == (500,) and gain.dtype == np.float32
        assert np.isfinite(gain).all() and gain.min() > 0
        starts.append(gain[0])
    assert abs(np.mean(starts) - 1) < 0.05


def test_the_generator_decides(part):
    once, again = (part.draw(50, 10.0, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once, again)
