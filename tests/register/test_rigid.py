"""Shifts against true ones, and what is done with frames that have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drift import moving, shifted, still, texture, wander

from detectnmf.compress.pmd import PMD
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.rigid import Rigid
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def errors(registration, shifts):
    """(T, 2) px, but for where the template lies."""
    found = registration.whole - shifts
    return found - np.nanmean(found, axis=0)


@pytest.mark.parametrize(("noise", "rms"), [(0.1, 0.02), (1.0, 0.05), (1 / 0.3, 0.15)])
def test_shifts_are_found_to_parts_of_a_pixel(noise, rms, device):
    """The texture would allow (Cramér-Rao, all of the field) 0.005, 0.04 and 0.13 px."""
    recording, shifts = moving(frames=150, size=(90, 70), noise=noise)
    error = errors(Rigid()(recording, Runtime(device=device, max_memory=1.0, quiet=True)).registration(), shifts)
    assert np.sqrt((error**2).mean()) < rms
    assert np.abs(error).max() < 1


def test_no_frame_is_off_in_bursts_of_motion_and_little_light():
    """Noise of five times what the tissue shows, every sixth frame far from the one before it, and all elsewhere from the middle on."""
    rng = np.random.default_rng(3)
    frames, shifts = 180, wander(180, 3.0)
    shifts[::6] += rng.uniform(-7, 7, (30, 2))
    shifts[90:] += (3.0, -2.0)
    wide = texture((112, 120), 3)
    movie = np.stack([shifted(wide, shift)[16:-16, 16:-16] for shift in shifts]) + 5 * rng.standard_normal((frames, 80, 88))
    registration = Rigid(max_shift=15)(Recording((100 + 10 * movie).astype(np.float32)), RUNTIME).registration()
    length = np.hypot(*errors(registration, shifts).T)
    assert registration.bad_frames.sum() < 0.05 * frames
    assert np.nanmax(length) < 1 and np.sqrt(np.nanmean(length**2)) < 0.4


def test_frames_are_put_back(runtime=RUNTIME):
    """What is left over time is the noise; outside of the frame nothing is invented."""
    recording, shifts = moving(frames=60, noise=0.02)
    registered = Rigid()(recording, runtime)
    movie = registered.recording[:]
    inside = (slice(None), slice(6, -6), slice(6, -6))
    assert recording[:][inside].std(axis=0).mean() > 5
    assert movie[inside].std(axis=0).mean() < 0.35
    true = shifts - np.nanmean(shifts - registered.registration().whole, axis=0)
    t = np.abs(true[:, 0]).argmax()  # the farthest along columns
    rows = np.isnan(movie[t]).all(axis=1)
    lost = round(abs(true[t, 0]) - 0.5 + 0.5)
    assert abs(rows.sum() - lost) <= 1 and (rows[-1] if true[t, 0] > 0 else rows[0])
    assert not np.isnan(movie[:, 8:-8, 8:-8]).any()


def test_pixels_from_outside_are_masked_by_the_compression():
    recording, _ = moving(frames=120, reach=4.0, noise=0.3)
    lively = recording[:] + 20 * np.isin(np.arange(120) % 30, range(8))[:, None, None] * (texture((64, 72), 9) > 1)
    registered = Rigid()(replace(recording, frames=lively.astype(np.float32)), RUNTIME)
    movie = PMD()(registered.recording, RUNTIME)
    assert movie.missing > 1000
    assert np.abs(movie.mean - 100).max() < 60  # zeros in place of what is not there would be seen as a dark border
    edge = np.r_[movie.mean[1], movie.mean[-2], movie.mean[:, 1], movie.mean[:, -2]]
    assert edge.mean() == pytest.approx(movie.mean[10:-10, 10:-10].mean(), abs=4)


def test_frames_that_show_nothing_are_masked_and_named():
    recording, shifts = moving(frames=80, noise=0.5)
    movie = recording[:].copy()
    rng = np.random.default_rng(5)
    movie[10] = 100 + 5 * rng.standard_normal(movie[10].shape)  # light off
    movie[20] = np.nan
    movie[30] = 100 + 10 * texture(movie[30].shape, 77)  # another place
    registered = Rigid()(replace(recording, frames=movie), RUNTIME)
    registration = registered.registration()
    assert {t: str(registration.flag[t]) for t in (10, 20, 30)} == {10: "lost", 20: "missing", 30: "lost"}
    assert registration.bad_frames.sum() == 3
    assert np.isnan(registered.recording[10]).all() and np.isnan(registration.shifts[[10, 20, 30]]).all()
    assert any("2 of 80 frames show nothing" in note for note in registration.notes)
    error = errors(registration, shifts)
    assert np.nanmax(np.abs(error)) < 0.2
    assert PMD()(registered.recording, RUNTIME).bad_frames.nonzero()[0].tolist() == [10, 20, 30]


def test_frames_beyond_the_search_are_masked():
    recording, shifts = moving(frames=100, reach=8.0, noise=0.2)
    registration = Rigid(max_shift=4)(recording, RUNTIME).registration()
    away = np.abs(shifts - np.nanmean(shifts - registration.whole, axis=0)).max(axis=1)
    good = ~registration.bad_frames
    assert good[away < 3].mean() > 0.95 and not good[away > 5].any()
    assert np.abs(errors(registration, shifts)[good]).max() < 0.2


def test_missing_samples_stay_missing_and_harm_no_others():
    recording, shifts = moving(frames=60, noise=0.1)
    movie = recording[:].copy()
    movie[:, 30, 40] = np.nan
    whole = Rigid()(recording, RUNTIME)
    holes = Rigid()(replace(recording, frames=movie), RUNTIME)
    found = holes.recording[:]
    assert np.isnan(found[:, 15:45, 25:55]).sum(axis=(1, 2)).max() <= 36
    for t, (down, right) in enumerate(holes.registration().whole):
        assert np.isnan(found[t, round(30 - float(down)), round(40 - float(right))])
    far = np.nan_to_num(np.abs(found - whole.recording[:])[:, 45:55, 10:20])
    assert far.max() < 0.5 and np.abs(errors(holes.registration(), shifts)).max() < 0.1


def test_pixels_known_to_be_bad_move_with_the_frame():
    recording, shifts = moving(frames=60, noise=0.1)
    movie, bad = recording[:].copy(), np.zeros((64, 72), bool)
    bad[30:32, 40] = True
    movie[:, bad] = 1e4
    registered = Rigid()(replace(recording, frames=movie, bad_pixels=bad), RUNTIME)
    found = registered.recording[:]
    assert registered.recording.bad_pixels is None and np.nanmax(found) < 200
    assert np.abs(errors(registered.registration(), shifts)).max() < 0.1
    assert np.isnan(found[:, 12:-12, 12:-12]).any(axis=(1, 2)).all()


def test_saturated_integers_are_missing():
    recording, _ = moving(frames=40, noise=0.1)
    movie = np.clip(recording[:] * 100, 0, 65534).astype(np.uint16)
    movie[:, 20, 20] = 65535
    found = Rigid()(replace(recording, frames=movie), RUNTIME).recording[:]
    assert np.isnan(found[:, 12:28, 12:28]).any(axis=(1, 2)).all() and np.nanmax(found) < 20000


def test_the_mean_before_and_after():
    recording, _ = moving(frames=80, noise=0.5)
    registered = Rigid()(recording, RUNTIME)
    registration = registered.registration()
    assert np.allclose(registration.mean_before, recording[:].mean(axis=0), atol=1e-3)
    with np.errstate(invalid="ignore"):
        assert np.allclose(registration.mean_after[9:-9, 9:-9], np.nanmean(registered.recording[:], axis=0)[9:-9, 9:-9], atol=1e-3)
    assert registration.mean_after[9:-9, 9:-9].std() > 1.2 * registration.mean_before[9:-9, 9:-9].std()
    assert registration.agreement.mean() > registration.before.mean() + 0.2


def test_weights_choose_what_counts(tmp_path):
    """Left half of the field moves, right half does not."""
    recording, shifts = moving(frames=60, size=(64, 128), noise=0.2)
    movie = recording[:].copy()
    movie[:, :, 64:] = still(frames=60, size=(64, 128), noise=0.2, seed=3)[:][:, :, 64:]
    left = np.zeros((64, 128))
    left[:, :56] = 1
    np.save(tmp_path / "left.npy", left)
    registration = Rigid(weights=str(tmp_path / "left.npy"))(replace(recording, frames=movie), RUNTIME).registration()
    assert np.abs(errors(registration, shifts)).max() < 0.3


def test_the_same_again_and_from_the_seed_alone():
    recording, _ = moving(frames=60)
    first, second = (Rigid(frames=20)(recording, RUNTIME).registration() for _ in range(2))
    other = Rigid(frames=20)(recording, replace(RUNTIME, seed=1)).registration()
    assert np.array_equal(first.shifts, second.shifts) and not np.array_equal(first.shifts, other.shifts)


@pytest.mark.parametrize(
    ("shape", "knobs", "words"),
    [
        ((1, 64, 64), {}, "one frame cannot be registered"),
        ((40, 12, 64), {}, "12 x 64 px is too small to be registered"),
        ((40, 64, 64), {"max_shift": 30}, "max_shift=30 px leaves too little of a field of 64 x 64 px to be compared; at most 21"),
        ((40, 64, 64), {}, "nothing but one even level"),
        ((40, 64, 64), {"weights": "nowhere.npy"}, "register.weights=nowhere.npy cannot be read"),
    ],
)
def test_what_cannot_be_registered_is_said(shape, knobs, words):
    with pytest.raises(UserError, match=words):
        Rigid(**knobs)(Recording(np.full(shape, 5, np.uint8)), RUNTIME)


def test_frames_without_anything_in_common_are_refused():
    noise = np.random.default_rng(0).standard_normal((60, 64, 64)).astype(np.float32)
    with pytest.raises(UserError, match="have nothing in common"):
        Rigid()(Recording(noise), RUNTIME)
    with pytest.raises(UserError, match="no frame to register by is usable"):
        Rigid()(Recording(np.full((60, 64, 64), np.nan, np.float32)), RUNTIME)


@pytest.mark.parametrize("knobs", [{"max_shift": 0}, {"frames": 2}, {"rounds": 0}, {"high_pass": -1}, {"least": np.nan}])
def test_bad_knobs_are_refused(knobs):
    with pytest.raises(UserError, match=f"register.{next(iter(knobs))}"):
        Rigid(**knobs)
