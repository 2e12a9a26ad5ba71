"""The Bessel PSF against J0."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0

from detectnmf.errors import UserError
from detectnmf.simulate.psf.bessel import Bessel


@pytest.fixture(scope="module")
def line():
    """Position (µm) and brightness through the middle of a finely sampled kernel."""
    psf = Bessel(pixel_size=0.02, width=0.7)
    kernel = psf(np.zeros(1))[0]
    middle = kernel.shape[0] // 2
    return np.arange(middle + 1) * 0.02, kernel[middle, middle:] / kernel[middle, middle]


def test_lateral_width(line):
    assert np.interp(0.35, *line) == pytest.approx(0.5, abs=0.01)


def test_first_ring(line):
    x, profile = line
    k = Bessel(width=0.7).wavenumber
    dark = x[x < 3.8 / k][profile[x < 3.8 / k].argmin()]
    ring = (x > dark) & (x < 5.4 / k)
    assert dark * k == pytest.approx(2.405, abs=0.05)  # first zero of J0
    assert x[ring][profile[ring].argmax()] * k == pytest.approx(3.832, abs=0.05)  # first zero of J1
    assert profile[ring].max() == pytest.approx(j0(3.8317) ** 4, rel=0.02)  # 0.026


def test_number_of_rings(line):
    _, profile = line
    peaks = (profile[1:-1] > profile[:-2]) & (profile[1:-1] > profile[2:])
    assert peaks.sum() == 3


def test_length():
    energy = Bessel(length=60)(np.array([-30.0, 0.0, 30.0])).sum(axis=(1, 2))
    assert energy == pytest.approx([0.5, 1.0, 0.5])


@pytest.mark.parametrize("knobs", [{"length": 0}, {"width": -1}, {"rings": -1}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Bessel(**knobs)
