"""What every camera must do."""

from __future__ import annotations

import numpy as np

GROUP = "camera"


def test_mean_and_spread_are_as_said(part):
    rounding = 0.0 if part.dtype == "float32" else 12**-0.5
    for photons in (0.0, 20.0, 500.0):
        counts = part.counts(np.full(40000, photons, np.float32), np.random.default_rng(0)).astype(float)
        spread = np.hypot(float(part.std(np.array([photons]))[0]), rounding)
        assert abs(counts.mean() - part.offset - part.gain * photons) < 5 * spread / np.sqrt(len(counts)) + 0.01
        assert abs(counts.std() - spread) < 0.03 * spread + 1e-6


def test_type_and_shape(part):
    counts = part.counts(np.full((2, 3, 4), 10.0, np.float32), np.random.default_rng(0))
    assert counts.dtype == np.dtype(part.dtype) and counts.shape == (2, 3, 4)


def test_too_much_light_does_not_wrap(part):
    counts = part.counts(np.full(1000, 1e7, np.float32), np.random.default_rng(0)).astype(float)
    assert counts.min() > 0.9 * (np.iinfo(part.dtype).max if part.dtype != "float32" else 1e7 * part.gain)


def test_each_pixel_has_its_own_light_and_noise(part):
    """More pixels than are worked on at a time, and a frame that is not contiguous."""
    photons = np.linspace(50, 400, 300, dtype=np.float32)[:, None] * np.ones(260, np.float32)
    counts = part.counts(photons.T, np.random.default_rng(0)).T.astype(float)
    noise = (counts - part.offset - part.gain * photons) / part.std(photons)
    assert abs(noise.mean(axis=1)).max() < 5 / np.sqrt(260) + 0.5 / part.std(photons).min() * 0.1
    assert abs((noise[:-1] * noise[1:]).mean()) < 5 / np.sqrt(noise.size) and abs((noise[:, :-1] * noise[:, 1:]).mean()) < 0.03


def test_the_light_is_left_alone(part):
    photons = np.full(10, 5.0, np.float32)
    part.counts(photons, np.random.default_rng(0))
    assert (photons == 5).all()


def test_the_generator_decides(part):
    photons = np.full(100, 50.0, np.float32)
    once, again, other = (part.counts(photons, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(once, again) and not np.array_equal(once, other)
