"""sc-CNMF's Gaussian cells against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.footprints import look
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.psf.two_photon import TwoPhoton
from detectnmf.simulate.shapes.gaussian import FWHM, Gaussian


def test_seen_it_is_a_gaussian_of_its_width():
    cell = Gaussian(diameter=12, diameter_sd=0).draw(1, np.random.default_rng(0))[0]
    optics = Optics.of(TwoPhoton(1.0))
    seen = look([cell], np.array([[0.0, 30, 30]]), optics, (61, 61), 1e-4)
    y, x = np.indices((61, 61)) - 30
    blur = (12 / FWHM) ** 2 + (TwoPhoton(1.0).lateral / FWHM) ** 2 + 1 / 12 + 1 / 6  # pixel's box, sharing between pixels
    expected = np.exp(-(y**2 + x**2) / (2 * blur))
    assert seen.whole.toarray().reshape(61, 61) == pytest.approx(expected, abs=0.02)
    assert seen.peak[0] * optics.bulk == pytest.approx(12 * (12 / FWHM) ** 2 / blur, rel=0.03)  # a slab as thick as wide, in focus


def test_widths_of_each_dimension_are_drawn_for_themselves():
    sizes = []
    for cell in Gaussian(diameter=12, diameter_sd=1).draw(300, np.random.default_rng(1)):
        assert (cell.points[:, 0] == 0).all()
        sizes.append(FWHM * np.sqrt(np.average(cell.points[:, 1:] ** 2, axis=0, weights=cell.weights)))
        assert cell.weights.sum() == pytest.approx(2 * np.pi * np.prod(sizes[-1] / FWHM) * np.sqrt(np.prod(sizes[-1])), rel=0.01)
    assert np.mean(sizes, axis=0) == pytest.approx([12, 12], abs=0.2)
    assert np.std(sizes, axis=0) == pytest.approx([1, 1], abs=0.12)
    assert abs(np.corrcoef(np.transpose(sizes))[0, 1]) < 0.15


def test_axes_are_the_images_unless_turned():
    def tilt(rotate):
        cells = Gaussian(diameter=12, diameter_sd=3, rotate=rotate).draw(20, np.random.default_rng(2))
        return max(abs(np.average(cell.points[:, 1] * cell.points[:, 2], weights=cell.weights)) for cell in cells)

    assert tilt(False) < 1e-9 and tilt(True) > 1


@pytest.mark.parametrize("knobs", [{"diameter": 0}, {"diameter_sd": 15}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        Gaussian(**knobs)
