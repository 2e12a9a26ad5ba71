"""What all faults must do."""

from __future__ import annotations

import numpy as np

GROUP = "faults"
SIZE = (24, 30)


def test_shapes_and_order(part):
    for frames in (1, 2, 3000):
        acquired = part.draw(frames, SIZE, 15.0, np.random.default_rng(0))
        assert acquired.index.shape == acquired.blank.shape == (frames,)
        assert acquired.index.dtype == np.int64 and acquired.blank.dtype == bool
        assert acquired.index[0] >= 0 and (np.diff(acquired.index) >= 0).all()
        bands = acquired.hum.shape[1]
        assert acquired.hum.shape == (acquired.index[-1] + 1, bands) and acquired.pattern.shape == (bands, SIZE[0])
        assert acquired.hum.dtype == acquired.pattern.dtype == np.float32


def test_most_frames_are_whole(part):
    acquired = part.draw(20000, SIZE, 15.0, np.random.default_rng(1))
    assert (np.diff(acquired.index) == 1).mean() > 0.9 and acquired.blank.mean() < 0.1


def test_the_generator_decides(part):
    once, again = (part.draw(500, SIZE, 15.0, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once.index, again.index) and np.array_equal(once.blank, again.blank)
    assert np.array_equal(once.hum @ once.pattern, again.hum @ again.pattern)
