"""The V-shaped PSF: pairs whose distance tells the depth."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.psf.vtwins import VTwINS


def halves(kernel, pixel_size):
    """Energy and mean x (µm) of the left and the right half."""
    x = (np.arange(kernel.shape[1]) - kernel.shape[1] // 2) * pixel_size
    line = kernel.sum(axis=0)
    return [(line[side].sum(), (line * x)[side].sum() / line[side].sum()) for side in (x < 0, x > 0)]


@pytest.mark.parametrize("depth", [-25.0, 0.0, 7.3, 40.0])
def test_two_images_as_far_apart_as_the_beams(depth):
    psf = VTwINS(0.5, length=45.0, angle=12.0, offset=60.0)
    kernel = psf(np.array([depth]))[0]
    (left, at_left), (right, at_right) = halves(kernel, 0.5)
    assert at_right - at_left == pytest.approx(2 * (depth + 60) * np.tan(np.deg2rad(12)), abs=0.02)
    assert at_left == pytest.approx(-at_right)
    assert left == pytest.approx(right) and left + right == pytest.approx(0.5 ** (4 * (depth / 45) ** 2), rel=1e-3)


def test_images_lie_side_by_side_along_x_and_are_sharp():
    psf = VTwINS(0.1, width=1.2)
    kernel = psf(np.zeros(1))[0]
    assert kernel.shape[1] > 5 * kernel.shape[0]
    row = kernel[kernel.shape[0] // 2]
    assert (row > row.max() / 2).sum() * 0.1 == pytest.approx(2 * 1.2, abs=0.25)  # two of them


def test_where_the_beams_cross_the_images_are_one():
    psf = VTwINS(offset=20.0)
    crossing = psf(np.array([-20.0]))[0]
    assert crossing[:, crossing.shape[1] // 2].sum() > 0.6 * crossing.sum()
    assert psf.separation(np.array([-20.0, -30.0, -10.0])) == pytest.approx([0, 5.359, 5.359], abs=1e-3)


@pytest.mark.parametrize("knobs", [{"length": 0}, {"width": 0}, {"angle": 60}, {"angle": -1}, {"offset": float("inf")}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=f"psf.{next(iter(knobs))} "):
        VTwINS(**knobs)
