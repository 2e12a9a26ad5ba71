"""Neuropil against the numbers it was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.background.limit import limited
from detectnmf.simulate.background.none import Constant
from detectnmf.simulate.background.smooth import Smooth
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.bessel import Bessel
from detectnmf.simulate.psf.two_photon import TwoPhoton


def test_amplitude_is_relative_to_the_local_mean():
    stds = []
    for seed in range(6):
        neuropil = Smooth(amplitude=0.1, tau=0.2, modes=30).draw(600, (64, 64), 15.0, 1.0, np.random.default_rng(seed))
        movie = neuropil.spatial @ neuropil.temporal
        stds.append((movie.std(axis=1) / neuropil.baseline.ravel()).mean())
    assert np.mean(stds) == pytest.approx(0.1, rel=0.05)


def test_texture_is_the_spread_of_the_mean_image_and_lengths_are_in_um():
    images = [
        Smooth(texture=0.1, length=10, modes=1).draw(1, (80, 80), 15.0, 0.5, np.random.default_rng(s)).baseline - 1 for s in range(40)
    ]
    assert np.std(images) == pytest.approx(0.1, rel=0.1)
    lag = 20  # px, 10 µm
    assert np.mean([(i[lag:] * i[:-lag]).mean() for i in images]) / np.var(images) == pytest.approx(np.exp(-0.5), abs=0.1)


def test_grain_is_as_strong_as_said():
    """What an image shows of it: 7 % for a two-photon focus, and less through a Bessel beam, which averages over more tissue."""
    neuropil = Smooth().draw(1, (128, 128), 15.0, 1.0, np.random.default_rng(0))
    seen = [neuropil.grain_sd * Optics.of(psf).texture(neuropil.grain).std() for psf in (TwoPhoton(na=0.5), Bessel(length=60.0))]
    assert seen[0] == pytest.approx(0.07, abs=0.01) and seen[1] == pytest.approx(0.015, abs=0.004)
    assert Smooth(grain=0.0).draw(1, (16, 16), 15.0, 1.0, np.random.default_rng(0)).grain is None


def test_light_that_would_be_negative_is_weakened_there_alone():
    rng = np.random.default_rng(0)
    baseline = rng.uniform(0, 2, 500)
    baseline[:5] = 0
    spatial, temporal = rng.standard_normal((500, 4)) / 4, rng.standard_normal((4, 3000))
    after = limited(baseline, spatial, temporal)
    lowest = (spatial @ temporal).min(axis=1)
    assert (baseline + (after @ temporal).min(axis=1)).min() >= 0
    fine = baseline + lowest > 0.01
    assert 50 < fine.sum() < 450 and np.array_equal(after[fine], spatial[fine])
    assert (after[~fine] @ temporal).min(axis=1) == pytest.approx(-0.999 * baseline[~fine], abs=0.02)


def test_strong_fluctuation_leaves_light():
    """A quarter of the mean, over a long time."""
    neuropil = Smooth(amplitude=0.25, tau=0.1, modes=3).draw(20000, (24, 24), 15.0, 2.0, np.random.default_rng(0))
    movie = neuropil.spatial @ neuropil.temporal
    assert (neuropil.baseline.reshape(-1, 1) + movie).min() >= 0


def test_constant_background():
    neuropil = Constant(level=0.5).draw(10, (8, 9), 15.0, 1.0, np.random.default_rng(0))
    assert (neuropil.baseline == 0.5).all() and neuropil.temporal.shape == (0, 10)


@pytest.mark.parametrize("knobs", [{"amplitude": 0.5}, {"length": 0}, {"tau": -1}, {"modes": 0}, {"texture": 2}, {"grain": -0.1}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Smooth(**knobs)
