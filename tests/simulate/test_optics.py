"""The PSF made fast, and the texture of a random medium seen through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.bessel import Bessel
from detectnmf.simulate.psf.two_photon import TwoPhoton


@dataclass(frozen=True)
class Told:
    """A PSF that answers what it is told."""

    answer: np.ndarray
    pixel_size: float = 1.0

    def __call__(self, depth):
        return np.broadcast_to(self.answer, (len(depth), *self.answer.shape))


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (np.ones((4, 3)), "odd"),
        (-np.ones((3, 3)), "negative"),
        (np.full((3, 3), np.nan), "finite"),
        (np.zeros((3, 3)), "is 0"),
        (np.full((3, 3), 1e200), "about 1"),
    ],
)
def test_a_broken_psf(answer, word):
    with pytest.raises(UserError, match=word):
        Optics.of(Told(answer))


def test_one_profile_needs_one_term():
    assert len(Optics.of(Bessel(1.0)).kernels) == 1


def test_terms_are_orthonormal():
    kernels = Optics.of(TwoPhoton(0.5)).kernels
    flat = kernels.reshape(len(kernels), -1)
    assert np.allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-4)


def seen_slice_by_slice(psf, size, rng):
    """White noise in every voxel, each slice convolved by its own kernel: the slow way."""
    from scipy.signal import fftconvolve

    depth = np.arange(-150, 150.5, 0.5)
    kernels = psf(depth)
    kept = kernels.sum(axis=(1, 2)) > 1e-5
    half = kernels.shape[1] // 2
    image = np.zeros(size)
    voxel = 0.5 * psf.pixel_size**2  # µm³
    for kernel in kernels[kept]:
        medium = rng.standard_normal((size[0] + 2 * half, size[1] + 2 * half)) / np.sqrt(voxel)
        image += fftconvolve(medium * voxel, kernel, mode="valid")
    return image / (kernels.sum() * voxel)


@pytest.mark.parametrize("psf", [TwoPhoton(0.5), Bessel(0.5, length=20)], ids=["two_photon", "bessel"])
def test_texture_is_that_of_all_depths_together(psf):
    size = (160, 160)
    slow = seen_slice_by_slice(psf, size, np.random.default_rng(0))
    fast = Optics.of(psf).texture(np.random.default_rng(1).standard_normal(size))
    assert fast.std() == pytest.approx(slow.std(), rel=0.06)
    for shift in (1, 2):
        one, two = ((image[shift:] * image[:-shift]).mean() / image.var() for image in (slow, fast))
        assert one == pytest.approx(two, abs=0.06)


def test_a_long_needle_averages_the_texture_away():
    grain = np.random.default_rng(0).standard_normal((64, 64))
    short, long = (Optics.of(Bessel(1.0, length=length)).texture(grain).std() for length in (15, 60))
    assert short / long == pytest.approx(2, rel=0.01)  # as the root of the volume
