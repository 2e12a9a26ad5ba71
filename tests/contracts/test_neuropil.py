"""What every background must do."""

from __future__ import annotations

import numpy as np

GROUP = "neuropil"
SIZE = (40, 56)


def test_shapes_and_a_mean_of_zero(part):
    neuropil = part.draw(300, SIZE, 15.0, 1.0, np.random.default_rng(0))
    modes = neuropil.spatial.shape[1]
    assert neuropil.baseline.shape == SIZE
    assert neuropil.spatial.shape == (SIZE[0] * SIZE[1], modes) and neuropil.temporal.shape == (modes, 300)
    assert neuropil.spatial.dtype == neuropil.temporal.dtype == np.float32
    assert np.abs(neuropil.temporal.mean(axis=1)).max(initial=0) < 1e-4


def test_light_is_not_negative(part):
    for seed in (1, 2, 3):
        neuropil = part.draw(300, SIZE, 15.0, 1.0, np.random.default_rng(seed))
        assert (neuropil.baseline.reshape(-1, 1) + neuropil.spatial @ neuropil.temporal).min() >= 0


def test_level_is_about_one(part):
    levels = [part.draw(1, (128, 128), 15.0, 1.0, np.random.default_rng(seed)).baseline.mean() for seed in range(5)]
    assert abs(np.mean(levels) - 1) < 0.1


def test_grain_is_white_noise_of_unit_variance(part):
    neuropil = part.draw(5, (96, 100), 15.0, 1.0, np.random.default_rng(0))
    assert neuropil.grain_sd >= 0
    if neuropil.grain is not None:
        assert neuropil.grain.shape == (96, 100)
        assert abs(neuropil.grain.std() - 1) < 0.05 and abs((neuropil.grain[:, 1:] * neuropil.grain[:, :-1]).mean()) < 0.06


def test_a_long_movie_takes_no_more_than_its_modes(part):
    neuropil = part.draw(50000, (9, 8), 30.0, 1.0, np.random.default_rng(0))
    assert neuropil.temporal.shape[1] == 50000 and neuropil.temporal.shape[0] < 100
    assert np.isfinite(neuropil.temporal).all()


def test_the_generator_decides(part):
    once, again = (part.draw(20, SIZE, 15.0, 1.0, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once.baseline, again.baseline)
    assert np.array_equal(once.spatial @ once.temporal, again.spatial @ again.temporal)
    assert once.grain is again.grain is None or np.array_equal(once.grain, again.grain)
