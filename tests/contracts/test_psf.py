"""What every PSF must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detectnmf.simulate.footprints import Optics

GROUP = "psf"
DEPTH = np.array([-40.0, -3.0, 0.0, 1.5, 40.0])


def test_kernels_are_finite_not_negative_and_odd(part):
    kernels = part(DEPTH)
    assert kernels.ndim == 3 and len(kernels) == len(DEPTH)
    assert kernels.shape[1] % 2 == 1 and kernels.shape[2] % 2 == 1
    assert np.isfinite(kernels).all() and kernels.min() >= 0


def test_energy_is_at_most_one_and_something_is_seen_in_focus(part):
    energy = part(np.linspace(-100, 100, 41)).sum(axis=(1, 2))
    assert energy.max() <= 1 + 1e-6
    assert energy[20] > 0.5


def test_source_sits_in_the_centre(part):
    kernel = part(np.zeros(1))[0]
    rows, columns = np.indices(kernel.shape)
    centre = (np.array(kernel.shape) - 1) / 2
    assert np.allclose([(rows * kernel).sum() / kernel.sum(), (columns * kernel).sum() / kernel.sum()], centre, atol=0.05)


def test_each_depth_is_seen_by_itself(part):
    together = part(DEPTH)
    for kernel, depth in zip(together, DEPTH, strict=True):
        alone = part(np.array([depth]))[0]
        pad = [(a - b) // 2 for a, b in zip(kernel.shape, alone.shape, strict=True)]
        assert np.allclose(np.pad(alone, [(p, p) for p in pad]), kernel, atol=1e-6)


def test_energy_does_not_depend_on_the_pixel_size(part):
    coarse, fine = (replace(part, pixel_size=size)(DEPTH).sum(axis=(1, 2)) for size in (1.0, 0.25))
    assert np.allclose(coarse, fine, rtol=0.02, atol=1e-6)


def test_half_the_pixel_gives_the_same_image(part):
    kernel = replace(part, pixel_size=0.3)(np.zeros(1))[0]
    fine = replace(part, pixel_size=0.1)(np.zeros(1))[0]
    half = min(kernel.shape[0] // 2, (fine.shape[0] // 2 - 1) // 3)
    reach = 3 * half + 1
    middle = fine.shape[0] // 2
    window = fine[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    summed = window.reshape(2 * half + 1, 3, 2 * half + 1, 3).sum(axis=(1, 3))
    middle = kernel.shape[0] // 2
    assert np.allclose(summed, kernel[middle - half : middle + half + 1, middle - half : middle + half + 1], atol=0.02 * kernel.max())


def test_terms_rebuild_the_kernels(part):
    optics = Optics.of(part)
    rebuilt = np.einsum("dr,rhw->dhw", optics.coefficients, optics.kernels)
    truth = part(optics.depth)
    assert np.abs(rebuilt - truth).max() < 1e-4 * truth.max()
