"""The Gaussian two-photon PSF against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

from detectnmf.errors import UserError
from detectnmf.simulate.psf.two_photon import TwoPhoton, axial_fwhm, lateral_fwhm, rayleigh_range


def width(x, profile):
    """Full width at half maximum, between samples."""
    above = np.flatnonzero(profile >= profile.max() / 2)
    left, right = above[0], above[-1]
    half = profile.max() / 2
    low = np.interp(half, [profile[left - 1], profile[left]], [x[left - 1], x[left]])
    high = np.interp(-half, [-profile[right], -profile[right + 1]], [x[right], x[right + 1]])
    return high - low


@pytest.mark.parametrize(("na", "lateral", "axial"), [(0.5, 0.6931, 5.9046), (0.8, 0.4315, 2.1536), (1.0, 0.3522, 1.2707)])
def test_widths_of_zipfel_2003(na, lateral, axial):
    # 2 sqrt(ln 2) w with w from box 1 of the paper, worked out by hand for 920 nm in water
    assert lateral_fwhm(na, 0.92) == pytest.approx(lateral, rel=2e-3)
    assert axial_fwhm(na, 0.92, 1.33) == pytest.approx(axial, rel=2e-3)


def test_kernel_has_the_lateral_width():
    psf = TwoPhoton(pixel_size=0.02)
    kernel = psf(np.zeros(1))[0]
    line = kernel[kernel.shape[0] // 2]
    assert width(np.arange(len(line)) * 0.02, line) == pytest.approx(psf.lateral, rel=0.01)


def test_energy_has_the_axial_width():
    psf = TwoPhoton()
    depth = np.linspace(-10, 10, 401)
    energy = psf(depth).sum(axis=(1, 2))
    assert energy.max() == pytest.approx(1)
    assert width(depth, energy) == pytest.approx(psf.axial, rel=0.01)


def test_rayleigh_range_of_the_beam_with_this_axial_width():
    z = np.linspace(-20, 20, 4001)
    squared = (1 + (z / rayleigh_range(5.9)) ** 2) ** -2.0  # intensity² on the axis of a Gaussian beam
    assert width(z, squared) == pytest.approx(5.9, rel=1e-4)


@pytest.mark.parametrize("depth", [3.0, -6.0])
def test_out_of_focus_is_dim_and_blurred(depth):
    psf = TwoPhoton(pixel_size=0.02)
    sharp, blurred = psf(np.array([0.0, depth]))
    growth = np.sqrt(1 + (depth / rayleigh_range(psf.axial)) ** 2)
    line = blurred[len(blurred) // 2]
    assert width(np.arange(len(line)) * 0.02, line) == pytest.approx(psf.lateral * growth, rel=0.01)
    energy = np.exp(-4 * np.log(2) * (depth / psf.axial) ** 2)
    assert blurred.sum() == pytest.approx(energy)
    assert blurred.max() / sharp.max() == pytest.approx(energy / growth**2, rel=0.01)


@pytest.mark.parametrize("na", [0.1, 0.5, 1.0])
def test_kernels_end_where_little_is_left(na):
    psf = TwoPhoton(pixel_size=0.05, na=na)
    depth = psf.axial * np.linspace(0, 2, 21)
    half = psf(depth).shape[1] // 2
    spread = psf.lateral * np.sqrt(1 + (depth / rayleigh_range(psf.axial)) ** 2) / (2 * np.sqrt(2 * np.log(2)))
    energy = psf(depth).sum(axis=(1, 2))
    lost = energy * (1 - erf((half + 0.5) * 0.05 / (np.sqrt(2) * spread)) ** 2)
    assert 2e-5 < lost.max() < 2.5e-4


@pytest.mark.parametrize("knobs", [{"na": 1.4}, {"na": 0}, {"pixel_size": 0}, {"wavelength": 920}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        TwoPhoton(**knobs)
