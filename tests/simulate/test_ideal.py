"""No optics at all."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.psf.ideal import Ideal


def test_each_point_stays_in_its_pixel_within_the_slab():
    kernels = Ideal(thickness=10.0)(np.array([-5.1, -5.0, 0.0, 4.9, 6.0]))
    assert kernels.tolist() == [[[0]], [[1]], [[1]], [[1]], [[0]]]


@pytest.mark.parametrize("knobs", [{"thickness": 0}, {"pixel_size": 0}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=f"psf.{next(iter(knobs))} "):
        Ideal(**knobs)
