"""Focused light against a two-dimensional FFT, against paraxial closed forms, and against Zipfel's fits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import j1

from detectnmf.errors import UserError
from detectnmf.simulate.psf.pixels import plane_integral, radial_grid
from detectnmf.simulate.psf.pupil import Pupil, best_focus, intensity
from detectnmf.simulate.psf.two_photon import axial_fwhm, lateral_fwhm
from detectnmf.simulate.psf.two_photon_physical import TwoPhotonPhysical


def half_width(x, profile):
    """Where a falling profile crosses half of its first value."""
    return np.interp(-profile[0] / 2, -profile, x)


def by_fft(pupil, z, n=384, field=45.0):
    """x (µm) and the intensity (n, n) of circularly polarised light, from the field's plane waves."""
    k = 2 * np.pi / pupil.wavelength
    line = 2 * np.pi / field * (np.arange(n) - n // 2)  # transverse wavenumbers
    ky, kx = np.meshgrid(line, line, indexing="ij")
    aperture = np.hypot(kx, ky) / k
    lit = (aperture <= pupil.outer) & (aperture >= pupil.inner)
    azimuth = np.arctan2(ky, kx)
    first, second = (np.sqrt(np.where(lit, 1 - (aperture / index) ** 2, 1)) for index in (pupil.index, pupil.tissue))
    sine = aperture / pupil.tissue
    path = pupil.tissue * second * z + pupil.depth * (pupil.tissue * second - pupil.index * first)
    wave = lit * np.exp(-((aperture / (pupil.fill * pupil.outer)) ** 2)) / np.sqrt(first) * np.exp(1j * k * path)
    turn = np.exp(1j * azimuth)  # of x + iy
    vector = (second * np.cos(azimuth) - 1j * np.sin(azimuth), second * np.sin(azimuth) + 1j * np.cos(azimuth), -sine + 0j)
    fields = [np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave * turn * part))) for part in vector]
    return field / n * (np.arange(n) - n // 2), sum(np.abs(one) ** 2 for one in fields)


@pytest.mark.parametrize(
    ("pupil", "z"),
    [
        (Pupil(0.8, fill=0.5), 0.0),
        (Pupil(0.8, fill=0.5), -4.0),
        (Pupil(1.0, fill=0.6, tissue=1.38, depth=100.0), 6.0),
        (Pupil(0.5, inner=0.3, fill=0.8), 3.0),
    ],
    ids=["focus", "defocus", "aberration", "annulus"],
)
def test_radial_integral_is_the_fft(pupil, z):
    x, image = by_fft(pupil, z)
    r = np.hypot(x[:, None], x)
    near = r < 6
    radial = np.arange(0, 6.1, 0.01)
    profile = np.interp(r[near], radial, intensity(pupil, radial, np.array([z]))[0])
    scale = (profile @ image[near]) / (profile @ profile)
    assert np.abs(image[near] / scale - profile).max() < 0.01 * profile.max()


def test_an_underfilled_low_aperture_gives_a_gaussian_beam():
    pupil = Pupil(0.3, fill=0.4, index=1.33)
    waist = 0.92 / (np.pi * 0.3 * 0.4)  # λ / (π NA), with the NA at which the beam's intensity is 1/e²
    rayleigh = np.pi * 1.33 * waist**2 / 0.92
    r = radial_grid(80, 0.1, 0.02)
    z = rayleigh * np.array([0.0, 0.5, 1.0, 2.0])
    squared = intensity(pupil, r, z) ** 2
    assert 2 * half_width(r, squared[0]) == pytest.approx(waist * np.sqrt(np.log(2)), rel=0.01)
    assert squared[:, 0] / squared[0, 0] == pytest.approx((1 + (z / rayleigh) ** 2) ** -2.0, rel=0.03)
    energy = plane_integral(squared, r)
    assert energy / energy[0] == pytest.approx(1 / (1 + (z / rayleigh) ** 2), rel=0.02)


def test_a_filled_low_aperture_gives_the_airy_pattern():
    pupil = Pupil(0.2)
    airy = brentq(lambda x: (2 * j1(x) / x) ** 4 - 0.5, 0.5, 2)  # intensity² across
    sinc = brentq(lambda x: (np.sin(x) / x) ** 4 - 0.5, 0.5, 2)  # and along the axis
    r, z = np.linspace(0, 2, 400), np.linspace(0, 40, 400)
    k = 2 * np.pi / 0.92
    assert half_width(r, intensity(pupil, r, np.zeros(1))[0] ** 2) == pytest.approx(airy / (k * 0.2), rel=0.01)
    swing = k * (1.33 - np.sqrt(1.33**2 - 0.2**2))
    assert half_width(z, intensity(pupil, np.zeros(1), z)[:, 0] ** 2) == pytest.approx(2 * sinc / swing, rel=0.01)


@pytest.mark.parametrize("na", [0.4, 0.6, 0.8, 1.0])
def test_widths_of_zipfel_2003(na):
    pupil = Pupil(na)
    r, z = np.linspace(0, 1 / na, 300), np.linspace(0, 2.5 / na**2, 300)
    assert 2 * half_width(r, intensity(pupil, r, np.zeros(1))[0] ** 2) == pytest.approx(lateral_fwhm(na, 0.92), rel=0.03)
    assert 2 * half_width(z, intensity(pupil, np.zeros(1), z)[:, 0] ** 2) == pytest.approx(axial_fwhm(na, 0.92, 1.33), rel=0.04)


def test_tissue_moves_the_focus():
    assert best_focus(Pupil(0.8, tissue=1.36)) == 0
    # paraxial rays cross a flat surface so that depths stretch by the ratio of the indices
    assert best_focus(Pupil(0.15, tissue=1.36, depth=400.0)) == pytest.approx(400 * (1.36 / 1.33 - 1), rel=0.05)
    assert best_focus(Pupil(0.8, tissue=1.30, depth=400.0)) < -400 * (1 - 1.30 / 1.33)


def test_spherical_aberration_dims_and_lengthens_the_focus():
    def axis(depth):
        pupil = Pupil(1.0, fill=1.0, tissue=1.36, depth=depth)
        return intensity(pupil, np.zeros(1), best_focus(pupil) + np.linspace(-6, 6, 481))[:, 0] ** 2

    clean, deep = axis(0.0), axis(300.0)
    assert deep.argmax() == pytest.approx(240, abs=2)
    assert deep.max() < 0.5 * clean.max()
    assert (deep > deep.max() / 2).sum() > 1.5 * (clean > clean.max() / 2).sum()


def test_kernels_have_the_widths_of_zipfel():
    psf = TwoPhotonPhysical(0.05, na=0.8, fill=100.0, tissue=1.33, reach=2.0)
    kernel = psf(np.zeros(1))[0]
    middle = len(kernel) // 2
    line = kernel[middle, middle:]
    assert 2 * half_width(np.arange(len(line)) * 0.05, line) == pytest.approx(lateral_fwhm(0.8, 0.92), rel=0.03)
    z = np.linspace(0, 3, 61)
    centre = psf(z)[:, middle, middle]
    assert 2 * half_width(z, centre) == pytest.approx(axial_fwhm(0.8, 0.92, 1.33), rel=0.05)


def test_energy_far_from_focus_falls_with_the_square_of_depth():
    energy = TwoPhotonPhysical()(np.array([0.0, 30.0, 60.0, 120.0, -120.0])).sum(axis=(1, 2))
    assert energy[0] == pytest.approx(1)
    assert energy[1] / energy[2] == pytest.approx(4, rel=0.03)
    assert energy[2] / energy[3] == pytest.approx(4, rel=0.03)
    assert energy[3] == pytest.approx(energy[4])


def test_a_larger_reach_changes_far_kernels_only():
    depth = np.array([0.0, 5.0, 100.0])
    small, large = TwoPhotonPhysical(reach=8.0)(depth), TwoPhotonPhysical(reach=30.0)(depth)
    assert large.shape[1] == 61
    cut = (large.shape[1] - small.shape[1]) // 2
    window = large[:, cut:-cut, cut:-cut]
    assert np.abs(window - small)[:2].max() < 1e-4
    assert small.sum(axis=(1, 2)) == pytest.approx(large.sum(axis=(1, 2)), rel=1e-3)
    assert window[2].sum() < 0.8 * small[2].sum()


@pytest.mark.parametrize(
    "knobs", [{"na": 1.35}, {"na": 0}, {"fill": 0}, {"depth": -1}, {"wavelength": 920}, {"reach": 0}, {"pixel_size": -1}]
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=f"psf.{next(iter(knobs))} "):
        TwoPhotonPhysical(**knobs)
