"""The reader on a result whose cells are known: units, levels, flags; what cannot be read is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.traces.baseline import RunningPercentile
from detectnmf.traces.none import NoReading
from detectnmf.traces.oasis import Oasis

QUIET = Runtime(device="cpu", max_memory=1, quiet=True)
SIZE, PEAK, NOISE, BASE, RATE, G = (6, 30), 20.0, 2.0, 200.0, 20.0, 0.92


@pytest.fixture
def made(traces):
    return traces.simulate(4, 2400, (G,), rate=0.008, noise=NOISE / PEAK)


def result(courses, baseline=BASE, drift=0.0, **known) -> DemixResult:
    """Squares of 9 px side by side whose traces are these courses (K, T), on a baseline and a background that rises by 2 · drift."""
    cells, frames = courses.shape
    images = np.zeros((cells, *SIZE), np.float32)
    for cell in range(cells):
        images[cell, 1:4, 5 * cell : 5 * cell + 3] = 1
    A, mean = images.reshape(cells, SIZE[0] * SIZE[1]).T, courses.mean(axis=1)
    haze, slow = np.ones((SIZE[0] * SIZE[1], 1)), drift * np.linspace(-1, 1, frames)[None]
    spatial, temporal = sparse.csr_array(np.hstack([A, haze])), np.vstack([courses - mean[:, None], slow])
    movie = Compressed.from_factors(spatial, temporal, (baseline + A @ mean).reshape(SIZE), rate=RATE, **known)
    background = Compressed.from_factors(haze, slow, np.zeros(SIZE), rate=RATE)
    demixed = Components.from_images(images, np.maximum(courses, 0).astype(np.float32))
    return DemixResult(demixed, np.full(SIZE, baseline, np.float32), background, movie, rate=RATE)


def test_everything_is_in_the_recordings_units(made):
    found = Oasis()(result(PEAK * made.y, drift=30.0), QUIET)
    assert found.flag.tolist() == ["ok"] * 4 and found.valid.all()
    np.testing.assert_allclose(found.raw, PEAK * made.y, atol=0.02)
    np.testing.assert_allclose(found.noise, NOISE, rtol=0.07)
    true = BASE + 30 * np.linspace(-1, 1, 2400)
    np.testing.assert_allclose(found.baseline[:, 300:-300], np.tile(true, (4, 1))[:, 300:-300], rtol=0.03)
    np.testing.assert_allclose(found.dff[:, 300:-300], PEAK * made.y[:, 300:-300] / true[300:-300], atol=0.02)
    for cell in range(4):
        assert np.corrcoef(found.denoised[cell], made.c[cell])[0, 1] > 0.985
        assert np.corrcoef(found.spikes[cell], made.s[cell])[0, 1] > 0.9
    assert found.spikes.max() == pytest.approx(PEAK, rel=0.4) and not found.spikes[:, 0].any()
    assert found.method["decay"] == pytest.approx(-1 / np.log(G) / RATE, rel=0.15)
    assert found.g.shape == (4, 1) and np.ptp(found.g) == 0


def test_knobs(made):
    known = result(PEAK * made.y)
    own = Oasis(shared=False)(known, QUIET)
    assert np.ptp(own.g) > 0 and own.method["decay"] is None and own.method["decay_from"] == "each cell"
    given = Oasis(decay=0.6)(known, QUIET)
    np.testing.assert_allclose(given.g, np.exp(-1 / (0.6 * RATE)))
    rising = Oasis(decay=0.6, rise=0.05)(known, QUIET)
    assert rising.g.shape == (4, 2)
    np.testing.assert_allclose(np.sort(np.roots(np.r_[1, -rising.g[0]])), [np.exp(-1), np.exp(-1 / 12)])
    sparse_ = Oasis(min_spike=4.0)(known, QUIET)
    assert (sparse_.spikes[sparse_.spikes > 0] >= 4 * sparse_.noise.min() - 1e-3).all()
    assert (sparse_.spikes > 0).sum() < 0.5 * (Oasis(floor=0.0)(known, QUIET).spikes > 0).sum()
    assert NoReading()(known, QUIET) is None


def test_masked_frames_hold_no_spikes(made):
    bad = np.zeros(2400, bool)
    bad[500:520] = bad[1203] = True
    y = PEAK * made.y.copy()
    y[:, bad] = 300.0  # whatever stands there
    found = Oasis()(result(y, bad_frames=bad), QUIET)
    assert np.array_equal(found.valid, ~bad) and not found.spikes[:, bad].any()
    assert found.denoised.max() < 5 * PEAK


def test_cells_of_which_nothing_can_be_said_are_flagged_and_stop_no_other(made):
    y = np.concatenate([PEAK * made.y, np.zeros((1, 2400)), np.random.default_rng(3).standard_normal((1, 2400)) - 50])
    found = Oasis()(result(y), QUIET)
    assert found.flag[:5].tolist() == [*["ok"] * 4, "flat"]
    assert not found.denoised[4].any() and not found.spikes[4].any() and found.noise[4] == 0 and not found.g[4].any()
    assert all(np.isfinite(getattr(found, name)).all() for name in ("raw", "baseline", "dff", "denoised", "spikes", "noise", "g"))
    alone = Oasis()(result(PEAK * made.y), QUIET)
    np.testing.assert_allclose(found.denoised[:4], alone.denoised, atol=0.5)


def test_dff_over_nothing_is_held_and_flagged(made):
    for level in (0.0, -30.0, 1.0):
        found = Oasis()(result(PEAK * made.y, baseline=level), QUIET)
        assert all("low_baseline" in flag for flag in found.flag)
        assert np.isfinite(found.dff).all() and np.abs(found.dff).max() < 3 * PEAK / NOISE
    assert not any("low_baseline" in flag for flag in Oasis()(result(PEAK * made.y), QUIET).flag)


@pytest.mark.parametrize("frames", [1, 3, 9, 12])
def test_hardly_any_frames(frames):
    courses = np.random.default_rng(0).standard_normal((3, frames)) + 1
    found = Oasis()(result(courses), QUIET)
    assert found.raw.shape == (3, frames) and np.isfinite(found.dff).all()
    if frames < 10:
        assert all("short" in flag for flag in found.flag) and not found.denoised.any()


def test_no_cells():
    found = Oasis()(result(np.zeros((0, 50))), QUIET)
    assert len(found) == 0 and found.denoised.shape == (0, 50) and found.g.shape == (0, 1)


def test_what_cannot_be_read_is_said(made):
    known = result(PEAK * made.y)
    with pytest.raises(UserError, match=r"the frame rate is nan Hz.*give rate="):
        Oasis()(replace(known, rate=float("nan")), QUIET)
    with pytest.raises(UserError, match="holds no movie"):
        Oasis()(replace(known, movie=None), QUIET)
    with pytest.raises(UserError, match="holds no traces"):
        Oasis()(replace(known, cells=Components(known.cells.footprints, SIZE)), QUIET)


@pytest.mark.parametrize("knobs", [{"decay": 0.0}, {"rise": -1.0}, {"decay": 0.1, "rise": 0.2}, {"floor": -1.0}, {"min_spike": -2.0}])
def test_knobs_out_of_range(knobs):
    with pytest.raises(UserError, match=rf"traces\.{list(knobs)[-1]}"):
        Oasis(**knobs)


def test_pieces_of_cells_give_the_same(made):
    known = result(PEAK * made.y)
    whole, small = Oasis()(known, QUIET), Oasis()(known, Runtime(device="cpu", max_memory=1e-6, quiet=True))
    for name in ("raw", "denoised", "spikes", "baseline"):
        np.testing.assert_allclose(getattr(whole, name), getattr(small, name), atol=1e-4)


def test_traces_from_anywhere(made):
    known = result(PEAK * made.y)
    here, there = Oasis()(known, QUIET), Oasis().read(PEAK * made.y + BASE, RATE)
    np.testing.assert_allclose(here.denoised, there.denoised, atol=0.3)
    np.testing.assert_allclose(here.dff, there.dff, atol=0.02)
    beside = Oasis().read(PEAK * made.y, RATE, light=np.full(made.y.shape, BASE))
    np.testing.assert_allclose(there.dff, beside.dff, atol=0.01)
    y, valid = made.y.copy(), np.arange(2400) % 50 > 0
    y[:, ~valid] = np.nan
    assert np.isfinite(Oasis().read(y, RATE, valid=valid).denoised).all()
    for wrong, words in ((y, "must be finite.*valid="), (y[0], r"\(K, T\), got \(2400,\)")):
        with pytest.raises(UserError, match=words):
            Oasis().read(wrong, RATE)


def test_traces_that_fall_rest_in_the_middle(made):
    known = result(PEAK * (made.y - 2 * made.c[::-1]))
    known = replace(known, cells=replace(known.cells, traces=(PEAK * (made.y - 2 * made.c[::-1])).astype(np.float32)))
    found = Oasis()(known, QUIET)
    np.testing.assert_allclose(np.median(found.baseline, axis=1), BASE, atol=2 * NOISE)


def test_a_window_of_its_own(made):
    found = Oasis(baseline=RunningPercentile(window=30.0))(result(PEAK * made.y), QUIET)
    assert "30 s" in found.method["baseline"]
