"""The movie says itself whether it moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from drift import bending, moving, still, texture

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.auto import UNTOLD, Auto
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def flicker(frames: int = 300, seed: int = 0, background: float = 0.0) -> Recording:
    """Blobs that come and go where they are, some overlapping, on a faint texture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :72]
    centres = rng.uniform(4, 60, (25, 2))
    blobs = np.exp(-((y - centres[:, :1, None]) ** 2 + (x - centres[:, 1:, None]) ** 2) / 18)
    spikes = rng.random((25, frames)) < 0.03
    traces = np.stack([np.convolve(row, np.exp(-np.arange(30) / 8))[:frames] for row in spikes])
    movie = 100 + 8 * np.einsum("kyx,kt->tyx", blobs, traces) + background * texture((64, 72), seed) + rng.standard_normal((frames, 64, 72))
    return Recording(movie.astype(np.float32), rate=10.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("background", [0.0, 1.0])
def test_cells_that_flicker_do_not_move(seed, background):
    registered = Auto()(flicker(seed=seed, background=background), RUNTIME)
    assert registered.frames is None
    assert registered.recording.notes == (() if background else (UNTOLD,))  # where nothing lasts, nothing tells


@pytest.mark.parametrize("noise", [0.1, 1.0, 3.0])
def test_what_lies_still_is_left_as_it_is(noise):
    recording = still(frames=120, noise=noise)
    registered = Auto()(recording, RUNTIME)
    assert registered.recording is recording and registered.registration() is None


@pytest.mark.parametrize(("reach", "noise"), [(0.5, 0.3), (4.0, 0.3), (4.0, 3.0)])
def test_what_moves_as_a_whole_is_shifted(reach, noise):
    registration = Auto()(moving(frames=150, size=(96, 96), reach=reach, noise=noise)[0], RUNTIME).registration()
    assert registration.shifts.shape[1:] == (1, 1, 2) and registration.method["kind"] == "rigid"


@pytest.mark.parametrize("noise", [8.0, 10.0])
def test_what_is_too_dim_for_halves_of_the_field_is_looked_at_whole(noise):
    """Rest is told then; motion is not, since a lit cell moves a whole frame alike: a note says so."""
    lies = Auto()(still(frames=300, noise=noise), RUNTIME)
    assert lies.frames is None and lies.recording.notes == ()
    moves = Auto()(moving(frames=300, size=(96, 96), reach=4.0, noise=noise)[0], RUNTIME)
    assert moves.frames is None and moves.recording.notes == (UNTOLD,)


@pytest.mark.parametrize("seed", [1, 3, 7])
def test_chance_agreement_in_a_dim_movie_is_no_jerk(seed):
    """Halves of the field that find a still frame with errors of a pixel now and then err alike."""
    recording = still(frames=160, noise=4.0, seed=seed)
    sample = torch.from_numpy(recording[:128].astype(np.float32))
    assert not Auto().moves(sample, 12)


def test_a_few_jerks_are_motion():
    recording = still(frames=120, noise=0.3)
    movie = recording[:].copy()
    movie[::20] = np.roll(movie[::20], 3, axis=1)
    registration = Auto()(replace(recording, frames=movie), RUNTIME).registration()
    assert np.abs(registration.whole[::20, 0] - 3).max() < 0.1 and np.abs(np.delete(registration.whole, np.s_[::20], 0)).max() < 0.1


def test_what_bends_is_bent():
    registration = Auto()(bending(reach=2.0)[0], RUNTIME).registration()
    assert min(registration.shifts.shape[1:3]) > 1 and registration.method["kind"] == "piecewise"


def test_what_cannot_be_judged_is_left_as_it_is_unless_asked_for():
    for shape in ((1, 64, 64), (30, 64, 10), (60, 64, 64)):
        noise = Recording(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
        left = Auto()(noise, RUNTIME)
        assert left.frames is None and left.recording.frames is noise.frames
    with pytest.raises(UserError, match="leaves too little of a field"):
        Auto(max_shift=40)(still(frames=30), RUNTIME)


@pytest.mark.parametrize("knobs", [{"test": 5}, {"least_motion": -1}, {"least_bending": np.nan}])
def test_bad_knobs_are_refused(knobs):
    with pytest.raises(UserError, match=f"register.{next(iter(knobs))}"):
        Auto(**knobs)
