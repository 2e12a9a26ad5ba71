"""Each thing that can be wrong with a movie is found, where it is, and not where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.doctor import bleaching, frames, look, motion, noise, orientation, values
from detectnmf.doctor.sample import take

from .conftest import SIZE, field, movie, recording, shifted


def levels(findings):
    return {finding.name: finding.level for finding in findings}


def test_a_sound_movie_has_no_faults():
    sample = take(recording(movie()))
    found = [*values.values(sample), *frames.frames(sample), bleaching.bleaching(sample)]
    assert set(levels(found).values()) == {"fine"}


def test_pixels_that_are_constant_dead_or_saturated():
    counts = movie().astype(np.uint16)
    counts[:, 4, 5] = 77
    counts[:, 20:22, 30] = np.random.default_rng(0).integers(0, 3, (200, 2))
    counts = np.minimum(counts, 300)
    counts[:, 30, 7:12] = np.where(np.arange(200)[:, None] % 3 == 0, 310, counts[:, 30, 7:12])
    sample = take(recording(counts))
    assert np.argwhere(values.constant(sample)).tolist() == [[4, 5]]
    assert np.argwhere(values.dead(sample)).tolist() == [[20, 30], [21, 30]]
    assert np.argwhere(values.saturated(sample)).tolist() == [[30, x] for x in range(7, 12)]
    assert {"constant pixels", "dead pixels", "saturated pixels"} <= set(levels(values.values(sample)))


def test_values_that_cannot_be_used():
    assert levels(values.values(take(recording(np.full((20, *SIZE), 7, np.uint8))))) == {"values": "stop"}
    nothing = np.full((20, *SIZE), np.nan, np.float32)
    assert levels(values.values(take(recording(nothing))))["values"] == "stop"
    coarse = (movie() // 40).astype(np.uint8)
    assert levels(values.values(take(recording(coarse))))["steps"] == "warning"
    holes = movie()
    holes[np.random.default_rng(0).random(holes.shape) < 0.3] = np.nan
    assert levels(values.values(take(recording(holes))))["NaN or infinite"] == "warning"


def test_odd_frames_are_found_where_they_are():
    counts = movie(300).astype(np.uint16)
    counts[[40, 41, 200]] = 3
    counts[[90, 250]] += 60
    counts[[5, 6, 130]] = counts[[4, 4, 129]]
    odd = frames.odd_frames(take(recording(counts)))
    assert odd.dark.tolist() == [40, 41, 200]
    assert odd.flashed.tolist() == [90, 250]
    assert odd.repeated.tolist() == [5, 6, 130]
    floats = counts.astype(np.float32)
    floats[77] = np.nan
    assert frames.odd_frames(take(recording(floats))).missing.tolist() == [77]


def test_most_frames_repeated_stops():
    assert levels(frames.frames(take(recording(np.repeat(movie(60), 2, axis=0)))))["frame rate"] == "stop"


@pytest.mark.parametrize("lost", [0.0, 0.1, 0.4])
def test_light_lost_is_that_of_the_bleaching(lost):
    """Of 50 above an offset of 20: what remains at the end is (1 - lost) of it."""
    level = 1 - lost * np.linspace(0, 1, 400)
    light = 20 + 50 * (field() > 200) * level[:, None, None] + np.random.default_rng(0).standard_normal((400, *SIZE))
    found = bleaching.light_lost(take(recording(light.astype(np.float32))))
    assert found == pytest.approx(0.9 * lost, abs=0.02)  # medians of the first and last tenth: 0.05 to 0.95 of the way


def test_a_jump_between_files_is_found():
    counts = movie(200)
    assert bleaching.seams(recording(counts, starts=(60, 120)))[0].level == "fine"
    counts[120:] = shifted(field(), np.full((80, 2), 3.0)) + np.random.default_rng(1).standard_normal((80, *SIZE))
    found = bleaching.seams(recording(counts, starts=(60, 120)))[0]
    assert found.level == "warning" and "at frame 120 (1 of 2 seams looked at)" in found.value
    assert bleaching.seams(recording(counts)) == []


@pytest.mark.parametrize("level", [2.0, 9.0])
def test_noise_is_blind_to_slow_signals(level):
    slow = 20 * np.sin(2 * np.pi * np.arange(300) / 60)[:, None, None] * (field(1) > 210)
    found, value = noise.noise(take(recording((movie(300, level) + slow).astype(np.float32))))
    assert value == pytest.approx(level, rel=0.02)
    assert "per pixel and frame" in found.value


@pytest.mark.parametrize(("rms", "level"), [(1.5, 4.0), (0.4, 4.0), (1.5, 60.0)])
def test_motion_is_measured_under_noise(rms, level):
    rng = np.random.default_rng(3)
    path = np.cumsum(rng.standard_normal((256, 2)), axis=0)
    path -= np.median(path, axis=0)
    path *= rms / np.sqrt(np.square(path).sum(axis=1).mean())
    clip = shifted(field(), path) + level * rng.standard_normal((256, *SIZE))
    found = motion.estimate(take(recording(clip.astype(np.float32))).runs)
    assert found.rms == pytest.approx(rms, rel=0.06)
    jumps = np.delete(np.diff(path, axis=0), [63, 127, 191], axis=0)  # between runs there is no step
    assert found.step == pytest.approx(np.sqrt(np.square(jumps).sum(axis=1).mean()), rel=0.1, abs=0.03 if level < 10 else 0.15)
    if level < 10:
        assert np.abs(found.shifts - path).max() < 0.15


def test_a_still_movie_does_not_move_and_noise_alone_is_told():
    still = motion.estimate(take(recording(movie(256))).runs)
    assert still.rms < 0.02 and motion.finding(still).level == "fine"
    nothing = np.random.default_rng(0).standard_normal((128, *SIZE)).astype(np.float32)
    assert "cannot be told from noise" in motion.finding(motion.estimate(take(recording(nothing)).runs)).value
    assert motion.finding(None).value.startswith("not estimated")


def test_dark_frames_do_not_move():
    clip = movie(256)
    clip[[10, 90, 171]] = 4 * np.random.default_rng(5).standard_normal((3, *SIZE))
    found = motion.estimate(take(recording(clip)).runs)
    assert found.rms < 0.02 and np.abs(found.shifts[[10, 90, 171]]).max() == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [60.0, 120.0, 200.0])
def test_noise_in_which_a_still_movie_nearly_drowns_is_not_motion(level, seed):
    """A frame that met its own noise in the mean of all would agree with itself, by more than noise alone makes."""
    still = motion.estimate(take(recording(movie(256, noise=level, seed=seed))).runs)
    assert not still.pays and still.rms <= still.sure


@pytest.mark.parametrize(("order", "cure"), [((0, 1, 2), None), ((1, 2, 0), "YXT"), ((1, 0, 2), "YTX")])
def test_time_on_another_axis_is_recognised(order, cure):
    """As when a MATLAB array Y × X × T is written as it is."""
    found = orientation.turned(recording(np.ascontiguousarray(movie(120, noise=20).transpose(order))))
    if cure is None:
        assert found is None
    else:
        assert found.level == "stop" and f"axes={cure}" in found.advice


def test_axes_that_cannot_be_told_are_left_alone():
    nothing = np.random.default_rng(0).standard_normal((60, 50, 40)).astype(np.float32)
    assert orientation.turned(recording(nothing)) is None
    assert orientation.turned(recording(movie(12))) is None


@pytest.mark.parametrize(("width", "contrast", "word"), [(2.5, 0.3, "two-photon"), (14.0, 0.01, "one-photon")])
def test_how_it_looks(width, contrast, word):
    """Fluctuations that reach far over a flat field, or near over a sharp one."""
    rng = np.random.default_rng(0)
    size = (96, 96)
    still = 100 * (1 + contrast * (field(1, size, 2.0) - 200) / 30)
    parts = np.stack([field(seed, size, width) - 200 for seed in range(2, 10)])
    clip = still + np.tensordot(rng.standard_normal((160, 8)).cumsum(0) / 20, parts, 1) + rng.standard_normal((160, *size))
    assert look.look(take(recording(clip.astype(np.float32)))).word == word
