"""What a movie does all the time, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from detectnmf.events.scan import LOWEST, Unrest, lengths, strongest, weakest

LENGTHS = [1, 2, 4, 8, 16]


def noise(count=150, frames=1500, seed=0):
    return np.random.default_rng(seed).standard_normal((count, frames))


def unrest(courses):
    return Unrest.of(torch.tensor(courses, dtype=torch.float32), LENGTHS)


def test_white_noise_is_one():
    assert unrest(noise()).usual == pytest.approx(1, abs=0.03)


def test_slow_noise_departs_the_more_the_longer():
    """Sums over L frames of an AR(1) process of variance 1 have the variance L (1 + 2 Σ (1 − k/L) φ^k)."""
    phi = 0.9
    slow = signal.lfilter([np.sqrt(1 - phi**2)], [1, -phi], noise(), axis=1)[:, 50:]
    found = unrest(slow)
    for length, usual in zip(LENGTHS, found.usual, strict=True):
        k = np.arange(1, length)
        assert usual == pytest.approx(np.sqrt(1 + 2 * ((1 - k / length) * phi**k).sum()), rel=0.06)
    assert found(11.3, True) == pytest.approx(np.interp(np.log(11.3), np.log(LENGTHS), found.usual[:, 1]))
    assert found(100.0, False) == found.usual[-1, 0] > found.usual[0, 0]


def test_what_happens_now_and_then_does_not_count():
    """Dips in one frame of a hundred, fifteen times the noise."""
    courses = noise()
    for row, start in enumerate(np.random.default_rng(1).integers(0, 1400, len(courses))):
        courses[row, start : start + 15] -= 15
    assert unrest(courses).usual[:4] == pytest.approx(1, abs=0.15)


def test_glow_that_only_goes_up_makes_surges_dearer_than_dips():
    jumps = (np.random.default_rng(2).random((150, 1500)) < 0.01) * 3.0
    courses = noise() + signal.lfilter([1], [1, -np.exp(-1 / 10)], jumps, axis=1)
    courses -= np.median(courses, axis=1, keepdims=True)
    down, up = unrest(courses).usual[-1]
    assert up > 1.5 * down


def test_departures_count_in_units_of_unrest():
    courses = noise()
    courses[7, 100:108] += 6
    best, which = strongest(torch.tensor(courses, dtype=torch.float32), LENGTHS)
    place = int(best.abs().argmax())
    assert divmod(place, 1500)[0] == 7 and abs(place % 1500 - 104) <= 1 and LENGTHS[int(which.flatten()[place])] == 8
    assert float(best.flatten()[place]) == pytest.approx(6 * 8**0.5, rel=0.15)
    doubled = strongest(torch.tensor(2 * courses, dtype=torch.float32), LENGTHS)[0]
    assert torch.allclose(doubled.abs(), best.abs(), atol=0.2, rtol=0.02) and float(best[:5].abs().max()) < 5.5


def test_the_weakest_event_follows_from_its_price():
    assert weakest(3.0, 3) == pytest.approx(27**0.5) and weakest(8.0, 4) == 16 and weakest(0.0, 3) == LOWEST


def test_where_all_durations_are_longer_than_half_of_the_movie_that_half_is_looked_for():
    assert lengths((1.0, 2.0), 30.0, 50) == [25]
    assert lengths((0.5, 2.0), 10.0, 20) == [5]
    best, which = strongest(torch.ones(3, 50), lengths((1.0, 2.0), 30.0, 50))
    assert best.max() > 1 and int(which.max()) == 0
