"""The Bessel PSF against J0, and the annulus that makes one against both."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0

from detectnmf.errors import UserError
from detectnmf.simulate.psf.bessel import Bessel
from detectnmf.simulate.psf.bessel_annular import BesselAnnular
from detectnmf.simulate.psf.pupil import intensity


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


ANNULI = [(0.32, 0.36), (0.38, 0.40), (0.30, 0.36)]


def half_width(x, profile):
    """Where a falling profile crosses half of its first value."""
    return np.interp(-profile[0] / 2, -profile, x)


@pytest.mark.parametrize(("inner", "outer"), ANNULI)
def test_annulus_gives_the_length_of_its_thickness(inner, outer):
    psf = BesselAnnular(inner=inner, outer=outer)
    # half the range of k_z is x / z in (sin x / x)⁴ = 1/2 at x = 1.0019
    swing = 2 * np.pi / 0.92 * (np.sqrt(1.33**2 - inner**2) - np.sqrt(1.33**2 - outer**2))
    z = np.linspace(0, 0.8 * psf.length, 400)
    axis = intensity(psf.pupil, np.zeros(1), z)[:, 0] ** 2
    assert psf.length == pytest.approx(4 * 1.0019 / swing, rel=1e-3)
    assert 2 * half_width(z, axis) == pytest.approx(psf.length, rel=0.01)
    assert 2 * half_width(z, psf(z).sum(axis=(1, 2))) == pytest.approx(psf.length, rel=0.06)  # a little longer: far rings spread


@pytest.mark.parametrize(("inner", "outer"), ANNULI)
def test_annulus_gives_the_rings_of_its_mean_aperture(inner, outer):
    psf = BesselAnnular(inner=inner, outer=outer)
    r = np.arange(0, 2.2, 0.005)
    profile = intensity(psf.pupil, r, np.zeros(1))[0] ** 2
    assert 2 * half_width(r, profile) == pytest.approx(psf.width, rel=0.02)
    x = 2 * np.pi / 0.92 * (inner + outer) / 2 * r
    ring = (x > 2.6) & (x < 5.2)
    assert x[ring][profile[ring].argmax()] == pytest.approx(3.832, abs=0.05)
    assert profile[ring].max() / profile[0] == pytest.approx(j0(3.8317) ** 4, rel=0.08)


@pytest.mark.parametrize(("inner", "outer"), ANNULI)
def test_bessel_with_the_annulus_numbers_is_nearly_the_same(inner, outer):
    annular = BesselAnnular(0.25, inner=inner, outer=outer)
    depth = np.array([0.0, annular.length / 2])
    one = annular(depth)
    two = Bessel(0.25, length=1.03 * annular.length, width=annular.width)(depth)
    cut = (one.shape[1] - two.shape[1]) // 2
    one = one[:, cut:-cut, cut:-cut]  # rings beyond the third
    for left, right in zip(one, two, strict=True):
        assert (left * right).sum() / np.linalg.norm(left) / np.linalg.norm(right) > 0.999
    assert one[1].sum() / one[0].sum() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("knobs", [{"inner": 0.4}, {"inner": 0.0}, {"outer": 1.4}, {"wavelength": 920}, {"reach": 0}])
def test_impossible_annuli(knobs):
    with pytest.raises(UserError, match=f"psf.{next(iter(knobs))} "):
        BesselAnnular(**knobs)
