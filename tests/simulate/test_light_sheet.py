"""The light sheet against its own profile and the objective's blur."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.psf.light_sheet import LightSheet


def test_energy_is_the_profile_of_the_sheet():
    energy = LightSheet(thickness=8.0)(np.array([-8.0, -4.0, 0.0, 4.0, 100.0])).sum(axis=(1, 2))
    assert energy == pytest.approx([1 / 16, 1 / 2, 1, 1 / 2, 0], abs=1e-9)


def test_blur_is_that_of_the_objective():
    psf = LightSheet(0.1, thickness=10.0, na=0.4)
    sharp, blurred = psf(np.array([0.0, 7.0]))
    x = (np.arange(sharp.shape[1]) - sharp.shape[1] // 2) * 0.1
    line = sharp[len(x) // 2, len(x) // 2 :]
    assert 2 * np.interp(-line[0] / 2, -line, x[len(x) // 2 :]) == pytest.approx(0.51 * 0.52 / 0.4, rel=0.02)
    radius = 7 * np.tan(np.arcsin(0.4 / 1.33))
    variance = (blurred.sum(axis=0) @ x**2) / blurred.sum()
    assert variance == pytest.approx(radius**2 / 4 + (psf.lateral / 2.3548) ** 2, rel=0.05)


def test_a_thin_sheet_needs_small_kernels():
    thin, thick = (LightSheet(thickness=thickness)(np.zeros(1)).shape[1] for thickness in (2.0, 10.0))
    assert thin <= 7 and thick == 25  # 16 µm away the disc has a radius of 12 µm


@pytest.mark.parametrize("knobs", [{"thickness": 0}, {"na": 1.4}, {"wavelength": 520}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=f"psf.{next(iter(knobs))} "):
        LightSheet(**knobs)
