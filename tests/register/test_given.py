"""Shifts of one channel, applied to another; a copy, when asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drift import moving, shifted, texture
from samples import overrides

import detectnmf
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.given import Given, apply, write
from detectnmf.register.rigid import Rigid
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def test_another_channel_is_put_back_by_the_shifts_of_this_one(tmp_path):
    """A channel that is nothing but noise in single frames; by itself it could not be registered as well."""
    recording, shifts = moving(frames=80, noise=0.3)
    movie = recording[:].copy()
    movie[7] = np.nan
    first = Rigid()(replace(recording, frames=movie), RUNTIME)
    first.recording[:]
    image = texture((80, 88), 50)
    rng = np.random.default_rng(1)
    other = np.stack([shifted(image, s)[8:-8, 8:-8] + 5 * rng.standard_normal((64, 72)) for s in shifts]).astype(np.float32)
    second = apply(first.registration(), Recording(other), RUNTIME)
    mean = np.nanmean(second.recording[:], axis=0)[9:-9, 9:-9]
    true = shifted(image, np.nanmean(shifts - first.registration().whole, axis=0))[8:-8, 8:-8][9:-9, 9:-9]
    assert np.corrcoef(mean.ravel(), true.ravel())[0, 1] > 0.85 > np.corrcoef(other.mean(0)[9:-9, 9:-9].ravel(), true.ravel())[0, 1] + 0.1
    found = second.registration()
    assert np.array_equal(found.shifts, first.registration().shifts, equal_nan=True) and found.bad_frames.nonzero()[0].tolist() == [7]
    assert np.isnan(second.recording[7]).all() and np.allclose(found.mean_before, other.mean(axis=0), atol=1e-4)


def test_from_the_file_of_an_earlier_run(tmp_path):
    (word,) = overrides("register", "given")
    given = Given(word.split("=")[1])
    recording, _ = moving(frames=60)
    assert np.array_equal(given(recording, RUNTIME).recording[:], recording[:])
    with pytest.raises(UserError, match=r"moving: 50 frames of 64 x 72 px cannot be put back by the shifts of 60 frames"):
        given(moving(frames=50)[0], RUNTIME)
    earlier = detectnmf.load(given.result)
    replace(earlier, registration=None).save(tmp_path / "result.h5")
    with pytest.raises(UserError, match="holds no shifts"):
        Given(str(tmp_path))(recording, RUNTIME)
    with pytest.raises(UserError, match="no such file"):
        Given(str(tmp_path / "nowhere.h5"))(recording, RUNTIME)


def test_a_copy_when_asked_for(tmp_path):
    recording, _ = moving(frames=40)
    registered = Rigid()(replace(recording, pixel_size=0.5), RUNTIME).recording
    write(registered, tmp_path / "copy.tif", RUNTIME)
    copy = detectnmf.read(str(tmp_path / "copy.tif"))
    assert np.array_equal(copy[:], registered[:], equal_nan=True)
    assert (copy.rate, copy.pixel_size) == (10.0, 0.5)
    with pytest.raises(UserError, match="exists"):
        write(registered, tmp_path / "copy.tif", RUNTIME)
