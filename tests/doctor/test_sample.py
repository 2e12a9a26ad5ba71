"""What is looked at."""

from __future__ import annotations

import numpy as np

from detectnmf.doctor.sample import RUN, WINDOW, _spread, take

from .conftest import movie, recording


def test_runs_come_ever_more_finely():
    assert _spread(range(0, 640, 64)) == [0, 576, 512, 256, 128, 384, 64, 320, 192, 448]
    for count in (1, 2, 3, 7, 100):
        assert sorted(_spread(range(count))) == list(range(count))


def test_all_that_is_said_of_frames_and_pixels():
    frames = movie(150)
    frames[70] = frames[69]
    sample = take(recording(frames), seconds=60)
    assert sample.all_frames and np.array_equal(sample.index, np.arange(150))
    assert np.allclose(sample.mean, frames.mean((1, 2)), rtol=1e-5) and np.allclose(sample.spread, frames.std((1, 2)), rtol=1e-4)
    assert np.array_equal(sample.low, frames.min((1, 2))) and np.array_equal(sample.high, frames.max((1, 2)))
    assert np.allclose(sample.average, frames.mean(0), rtol=1e-5)
    assert np.array_equal(sample.lowest, frames.min(0)) and np.array_equal(sample.highest, frames.max(0))
    assert np.flatnonzero(sample.repeat).tolist() == [70]
    assert np.array_equal(np.concatenate([run for _, run in sample.runs]), frames)


def test_without_time_the_two_ends_are_seen():
    sample = take(recording(movie(1000)), seconds=0)
    assert np.array_equal(sample.index, [*range(RUN), *range(960, 1000)])
    assert not sample.all_frames


def test_of_large_frames_a_window_is_kept():
    frames = np.arange(12 * 400 * 300, dtype=np.uint32).reshape(12, 400, 300)
    sample = take(recording(frames), seconds=60)
    assert sample.window == (slice(72, 72 + WINDOW), slice(22, 22 + WINDOW))
    assert np.array_equal(sample.runs[0][1], frames[:, 72 : 72 + WINDOW, 22 : 22 + WINDOW].astype(np.float32))


def test_gaps_and_the_end_of_the_type_are_missing():
    frames = movie(40)
    frames[3] = np.nan
    frames[:, 5, 6] = np.inf
    sample = take(recording(frames))
    assert sample.missing[3] == 1 and np.isclose(sample.missing[4], 1 / frames[0].size)
    assert sample.gaps[5, 6] == 40 and sample.gaps[0, 0] == 1
    assert np.allclose(sample.average[0, 0], np.delete(frames[:, 0, 0], 3).mean(), rtol=1e-5)
    full = movie(40).astype(np.uint8)
    full[7] = 255
    assert take(recording(full)).missing[7] == 1
