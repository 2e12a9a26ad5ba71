"""Camera noise against its equations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.camera import BLOCK, PhotonCamera, PoissonCamera


def test_variance_grows_with_the_mean_by_the_gain():
    camera = PhotonCamera(gain=3.0, read_noise=5.0, offset=50.0, dtype="float32")
    photons = np.linspace(0, 200, 15, dtype=np.float32)
    counts = camera.counts(np.broadcast_to(photons, (40000, 15)), np.random.default_rng(0)).astype(float)
    slope, start = np.polyfit(counts.mean(axis=0) - 50, counts.var(axis=0), 1)
    assert slope == pytest.approx(3.0, rel=0.02)
    assert start == pytest.approx(25, abs=8)
    assert counts.mean(axis=0) == pytest.approx(50 + 3 * photons, abs=0.6)


def test_it_is_the_equation_to_the_last_count():
    """Blocks and buffers change nothing."""
    camera = PhotonCamera(gain=2.5, read_noise=3.0, offset=80.0)
    photons = np.random.default_rng(1).uniform(0, 300, (3, 200, 301)).astype(np.float32)
    assert photons.size > 2 * BLOCK
    noise = np.random.default_rng(0).standard_normal(photons.shape, dtype=np.float32)
    expected = np.rint(80 + 2.5 * photons + np.sqrt(9 + 6.25 * photons) * noise)
    counts = camera.counts(photons, np.random.default_rng(0)).astype(float)
    assert (counts != expected).mean() < 1e-4 and np.abs(counts - expected).max() <= 1  # float32 rounding at a half


@pytest.mark.parametrize(("dtype", "low", "high"), [("uint8", 0, 255), ("uint16", 0, 65535), ("int16", -32768, 32767)])
@pytest.mark.parametrize("kind", [PhotonCamera, PoissonCamera])
def test_counts_stop_at_the_ends(kind, dtype, low, high):
    dark = kind(offset=-1e6, dtype=dtype).counts(np.zeros(50, np.float32), np.random.default_rng(0))
    bright = kind(dtype=dtype).counts(np.full(50, 1e6, np.float32), np.random.default_rng(0))
    assert (dark == low).all() and (bright == high).all()


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("kind", [PhotonCamera, PoissonCamera])
def test_a_full_well_gives_no_more(kind, dtype):
    camera = kind(gain=2.0, offset=100.0, full_well=500.0, dtype=dtype)
    counts = camera.counts(np.linspace(0, 2000, 5000, dtype=np.float32), np.random.default_rng(0))
    assert counts.max() == camera.ends[1] == 1100
    assert (counts[2500:] == 1100).all() and (counts[:1000] < 1100).all()


def test_ends():
    assert PhotonCamera(dtype="float32").ends == (-np.inf, np.inf)
    assert PhotonCamera(dtype="uint8", gain=1.0, offset=0.0, full_well=1e6).ends == (0, 255)


def test_less_than_dark_keeps_its_mean():
    """Hum may ask for less than no light."""
    for camera in (PhotonCamera(dtype="float32"), PoissonCamera(dtype="float32")):
        counts = camera.counts(np.full(40000, -5.0, np.float32), np.random.default_rng(0))
        assert counts.mean() == pytest.approx(100 - 5 * 4, abs=0.1) and counts.std() == pytest.approx(4, rel=0.02)


def test_few_photons_are_poisson():
    """Without read noise the counts are whole photons with the Poisson distribution's shares."""
    counts = PoissonCamera(gain=10.0, read_noise=0.0, offset=0.0).counts(np.full(100000, 1.5, np.float32), np.random.default_rng(0))
    assert (counts % 10 == 0).all()
    shares = np.bincount(counts // 10)[:5] / 100000
    assert shares == pytest.approx([np.exp(-1.5) * 1.5**k / f for k, f in enumerate((1, 1, 2, 6, 24))], abs=0.006)


@pytest.mark.parametrize("excess", [1.0, 1.3, 2.0])
def test_amplification_multiplies_the_variance(excess):
    camera = PoissonCamera(gain=5.0, read_noise=3.0, offset=20.0, excess=excess, dtype="float32")
    for photons in (0.5, 8.0, 100.0):
        counts = camera.counts(np.full(200000, photons, np.float32), np.random.default_rng(0)).astype(float)
        assert counts.mean() == pytest.approx(20 + 5 * photons, rel=0.01)
        assert counts.var() == pytest.approx(9 + excess * 25 * photons, rel=0.03)
        assert camera.std(np.array([photons]))[0] ** 2 == pytest.approx(9 + excess * 25 * photons)


def test_an_emccd_amplifies_exponentially():
    """One photon through a multiplying register: an exponential distribution of mean gain."""
    camera = PoissonCamera(gain=1.0, read_noise=0.0, offset=0.0, excess=2.0, dtype="float32")
    counts = camera.counts(np.full(200000, 0.05, np.float32), np.random.default_rng(0))
    lit = counts[counts > 0]
    assert len(lit) / len(counts) == pytest.approx(1 - np.exp(-0.05), rel=0.05)
    assert (lit > 1).mean() == pytest.approx(np.exp(-1), abs=0.03)


@pytest.mark.parametrize("kind", [PhotonCamera, PoissonCamera])
def test_threads_do_not_disturb_each_other(kind):
    camera = kind()
    photons = np.random.default_rng(0).uniform(0, 200, (64, 64)).astype(np.float32)
    alone = [camera.counts(photons, np.random.default_rng(seed)) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: camera.counts(photons, np.random.default_rng(seed)), range(16)))
    assert np.array_equal(alone, together)


@pytest.mark.parametrize("knobs", [{"gain": 0}, {"read_noise": -1}, {"dtype": "float16"}, {"full_well": 0}])
@pytest.mark.parametrize("kind", [PhotonCamera, PoissonCamera])
def test_impossible_knobs(kind, knobs):
    with pytest.raises(UserError, match=next(iter(knobs))):
        kind(**knobs)


def test_no_amplifier_is_without_noise():
    with pytest.raises(UserError, match="excess"):
        PoissonCamera(excess=0.5)
