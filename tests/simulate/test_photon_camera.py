"""Camera noise against its equation."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.camera import PhotonCamera


def test_variance_grows_with_the_mean_by_the_gain():
    camera = PhotonCamera(gain=3.0, read_noise=5.0, offset=50.0, dtype="float32")
    photons = np.linspace(0, 200, 15, dtype=np.float32)
    counts = camera.counts(np.broadcast_to(photons, (40000, 15)), np.random.default_rng(0)).astype(float)
    slope, start = np.polyfit(counts.mean(axis=0) - 50, counts.var(axis=0), 1)
    assert slope == pytest.approx(3.0, rel=0.02)
    assert start == pytest.approx(25, abs=8)
    assert counts.mean(axis=0) == pytest.approx(50 + 3 * photons, abs=0.6)


@pytest.mark.parametrize(("dtype", "low", "high"), [("uint8", 0, 255), ("uint16", 0, 65535), ("int16", -32768, 32767)])
def test_counts_stop_at_the_ends(dtype, low, high):
    dark = PhotonCamera(offset=-1e6, dtype=dtype).counts(np.zeros(50, np.float32), np.random.default_rng(0))
    bright = PhotonCamera(dtype=dtype).counts(np.full(50, 1e6, np.float32), np.random.default_rng(0))
    assert (dark == low).all() and (bright == high).all()


@pytest.mark.parametrize("knobs", [{"gain": 0}, {"read_noise": -1}, {"dtype": "float16"}])
def test_impossible_knobs(knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        PhotonCamera(**knobs)
