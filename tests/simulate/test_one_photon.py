"""Widefield optics against geometry, and its halo against photons that are traced one by one."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.psf.one_photon import OnePhoton
from detectnmf.simulate.psf.widefield import scatter_transfer

CLEAR = {"attenuation": None, "free_path": None}


def variance(kernel, pixel_size):
    """Along x, in µm²; the pixels' own is taken off."""
    x = (np.arange(kernel.shape[1]) - kernel.shape[1] // 2) * pixel_size
    return (kernel.sum(axis=0) @ x**2) / kernel.sum() - pixel_size**2 / 12


def test_clear_tissue_gives_all_its_light_from_every_depth():
    energy = OnePhoton(**CLEAR)(np.array([-90.0, -20.0, 0.0, 50.0, 150.0])).sum(axis=(1, 2))
    assert energy == pytest.approx(np.ones(5))


@pytest.mark.parametrize("na", [0.25, 0.45])
def test_blur_disc_has_the_size_that_rays_give_it(na):
    psf = OnePhoton(0.5, na=na, **CLEAR)
    depth = np.array([10.0, 30.0, -60.0])
    radius = np.abs(depth) * np.tan(np.arcsin(na / 1.36))
    measured = [variance(kernel, 0.5) for kernel in psf(depth)]
    sharp = (psf.lateral / (2 * np.sqrt(2 * np.log(2)))) ** 2
    assert measured == pytest.approx(radius**2 / 4 + sharp, rel=0.02)  # an even disc has R² / 4


def test_blur_disc_is_flat_inside_and_dark_outside():
    kernel = OnePhoton(**CLEAR)(np.array([80.0]))[0]
    row = kernel[60, 60:]
    radius = 80 * np.tan(np.arcsin(0.45 / 1.36))
    assert row[int(radius / 3)] > 0.85 * row[0]
    assert row[int(1.6 * radius)] < 0.03 * row[0]
    assert row[0] == pytest.approx(1 / (np.pi * radius**2), rel=0.3)


def test_in_focus_it_is_as_sharp_as_diffraction_lets_it():
    psf = OnePhoton(0.05, reach=3.0, **CLEAR)
    line = psf(np.zeros(1))[0][60, 60:]
    assert 2 * np.interp(-line[0] / 2, -line, np.arange(len(line)) * 0.05) == pytest.approx(0.51 * 0.52 / 0.45, rel=0.02)


def test_light_is_lost_on_the_way_down():
    psf = OnePhoton(focus=60.0, attenuation=150.0)
    energy = psf(np.array([-61.0, -60.0, 0.0, 75.0])).sum(axis=(1, 2))
    assert energy == pytest.approx([0, np.exp(60 / 150), 1, np.exp(-0.5)])


def test_unscattered_share():
    frequency = np.array([1e4, 1e-6])  # 1/µm
    share = scatter_transfer(frequency, np.array([0.0, 80.0, 200.0]), 80.0, 0.9)
    assert share[:, 0] == pytest.approx(np.exp([0, -1, -2.5]), rel=0.01)
    assert share[:, 1] == pytest.approx(np.ones(3), rel=1e-3)


@pytest.mark.parametrize(("path", "anisotropy"), [(60.0, 0.9), (120.0, 0.9), (120.0, 0.95)])
def test_halo_is_that_of_traced_photons(path, anisotropy):
    rng = np.random.default_rng(0)
    events = rng.poisson(path / 80.0, 200_000)
    photon = np.repeat(np.arange(len(events)), events)
    # each event at a distance s from the source, by an angle of Henyey and Greenstein's distribution
    chance, azimuth, s = rng.random(len(photon)), rng.uniform(0, 2 * np.pi, len(photon)), rng.uniform(0, path, len(photon))
    angle = (1 - anisotropy) / np.sqrt(anisotropy) * np.sqrt(1 / (1 - chance) ** 2 - 1)
    y, x = (np.bincount(photon, s * angle * turn(azimuth), len(events)) for turn in (np.sin, np.cos))
    traced = np.hypot(y, x)

    psf = OnePhoton(2.0, focus=path, attenuation=None, free_path=80.0, anisotropy=anisotropy, reach=150.0)
    kernel = psf(np.zeros(1))[0]
    rows, columns = np.indices(kernel.shape) - kernel.shape[0] // 2
    radius = 2.0 * np.hypot(rows, columns)
    for reach in (7.0, 15.0, 31.0, 61.0):
        assert kernel[radius < reach].sum() == pytest.approx((traced < reach).mean(), abs=0.02)


def test_light_beyond_the_kernel_is_kept():
    depth = np.array([0.0, 100.0])
    small, large = (OnePhoton(2.0, reach=reach)(depth) for reach in (40.0, 120.0))
    assert small.sum(axis=(1, 2)) == pytest.approx(large.sum(axis=(1, 2)))
    assert small.shape[1] == 41 and large.shape[1] == 121
    assert small[0, 20, 20] == pytest.approx(large[0, 60, 60], rel=0.01)


@pytest.mark.parametrize(
    "knobs",
    [{"na": 1.4}, {"wavelength": 520}, {"focus": -1}, {"attenuation": 0}, {"free_path": -3}, {"anisotropy": 1}, {"reach": float("nan")}],
)
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=f"psf.{next(iter(knobs))} "):
        OnePhoton(**knobs)
