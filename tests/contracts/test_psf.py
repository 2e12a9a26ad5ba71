"""What every PSF must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectnmf.simulate.optics import Optics

GROUP = "psf"
DEPTH = np.array([-40.0, -3.0, 0.0, 1.5, 40.0])


def test_kernels_are_finite_not_negative_and_odd(part):
    kernels = part(DEPTH)
    assert kernels.ndim == 3 and len(kernels) == len(DEPTH)
    assert kernels.shape[1] % 2 == 1 and kernels.shape[2] % 2 == 1
    assert np.isfinite(kernels).all() and kernels.min() >= 0


def test_energy_is_one_in_focus_and_not_much_more_elsewhere(part):
    energy = part(np.linspace(-100, 100, 41)).sum(axis=(1, 2))
    assert energy[20] == pytest.approx(1, rel=1e-3)
    assert energy.max() < 2  # above the focus one-photon excitation is stronger


def test_source_sits_in_the_centre(part):
    kernel = part(np.zeros(1))[0]
    rows, columns = np.indices(kernel.shape)
    centre = (np.array(kernel.shape) - 1) / 2
    assert np.allclose([(rows * kernel).sum() / kernel.sum(), (columns * kernel).sum() / kernel.sum()], centre, atol=0.05)


def test_each_depth_is_seen_by_itself(part):
    together = part(DEPTH)
    for kernel, depth in zip(together, DEPTH, strict=True):
        alone = part(np.array([depth]))[0]
        assert np.allclose(enlarged(alone, kernel.shape), kernel, atol=1e-6)


def test_energy_does_not_depend_on_the_pixel_size(part):
    coarse, fine = (replace(part, pixel_size=size)(DEPTH).sum(axis=(1, 2)) for size in (1.0, 0.25))
    assert np.allclose(coarse, fine, rtol=0.02, atol=1e-6)


def test_a_third_of_the_pixel_gives_the_same_image(part):
    kernel = replace(part, pixel_size=0.3)(np.zeros(1))[0]
    fine = replace(part, pixel_size=0.1)(np.zeros(1))[0]
    half = [max(edge // 2, (other // 2 + 1) // 3) for edge, other in zip(kernel.shape, fine.shape, strict=True)]
    rows, columns = (2 * h + 1 for h in half)
    summed = enlarged(fine, (3 * rows, 3 * columns)).reshape(rows, 3, columns, 3).sum(axis=(1, 3))
    assert np.allclose(summed, enlarged(kernel, (rows, columns)), atol=0.02 * kernel.max())


def enlarged(kernel, shape):
    """Zeros on all sides."""
    pads = [(new - old) // 2 for new, old in zip(shape, kernel.shape, strict=True)]
    return np.pad(kernel, [(pad, pad) for pad in pads])


def test_terms_rebuild_the_kernels(part):
    optics = Optics.of(part, thickness=60, step=1)
    rebuilt = np.einsum("dr,rhw->dhw", optics.coefficients, optics.kernels)
    truth = part(optics.depth)
    assert np.abs(rebuilt - truth).max() < 1e-4 * truth.max()
