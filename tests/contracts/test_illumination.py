"""What every illumination must do."""

from __future__ import annotations

import numpy as np

GROUP = "illumination"
SIZE = (60, 72)


def test_shapes_and_ranges(part):
    light = part.draw(200, SIZE, 15.0, 2.0, np.random.default_rng(0))
    modes = light.temporal.shape[0]
    assert light.profile.shape == light.tissue.shape == SIZE
    assert light.profile.max() == 1 and light.profile.min() >= 0
    assert light.tissue.max() <= 1 + 1e-6 and light.tissue.min() >= 0
    assert light.spatial.shape == (SIZE[0] * SIZE[1], modes) and light.temporal.shape == (modes, 200)
    assert light.spatial.dtype == light.temporal.dtype == np.float32
    assert np.abs(light.temporal.mean(axis=1)).max(initial=0) < 1e-4


def test_light_is_not_negative(part):
    light = part.draw(2000, SIZE, 15.0, 2.0, np.random.default_rng(1))
    assert (1 + light.spatial @ light.temporal).min(initial=0) >= 0


def test_a_single_frame_does_not_fluctuate(part):
    light = part.draw(1, SIZE, 15.0, 2.0, np.random.default_rng(1))
    assert not (light.spatial @ light.temporal).any()


def test_the_generator_decides(part):
    once, again = (part.draw(20, SIZE, 15.0, 1.0, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once.profile, again.profile) and np.array_equal(once.tissue, again.tissue)
    assert np.array_equal(once.spatial @ once.temporal, again.spatial @ again.temporal)
