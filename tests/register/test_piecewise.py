"""Fields of shifts against true ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from drift import bending, moving

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.piecewise import Piecewise
from detectnmf.register.rigid import Rigid
from detectnmf.register.warp import curve, put_back
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def dense(shifts, size):
    """(T, Y, X, 2) px at every pixel."""
    down, right = (curve(nodes, edge).numpy() for nodes, edge in zip(shifts.shape[1:3], size, strict=True))
    return np.einsum("ya,xb,tabc->tyxc", down, right, shifts)


def test_a_stretch_is_found_and_undone():
    recording, field = bending()
    bent, whole = (part(recording, RUNTIME) for part in (Piecewise(), Rigid()))
    error = dense(bent.registration().shifts, recording.size) - field
    error -= error.mean(axis=0)
    assert field.std(axis=0).max() > 0.5
    assert np.sqrt((error**2).mean()) < 0.06 and np.abs(error).max() < 0.5
    rest = [np.nanstd(registered.recording[:], axis=0)[8:-8, 8:-8].mean() for registered in (bent, whole)]
    assert rest[0] < 1.15 * 3 < rest[1]  # the noise is 3


def test_all_pixels_say_more_than_pieces():
    """In noise of three times what the tissue shows, and with cells of many times that which come and go."""
    recording, field = bending(frames=120, noise=1 / 0.3)
    movie, rng = recording[:].copy(), np.random.default_rng(6)
    for y, x in rng.integers(8, 112, (12, 2)):
        movie[:, y : y + 8, x : x + 8] += 40 * (rng.random((120, 1, 1)) < 0.1)
    estimator = Piecewise().learn(replace(recording, frames=movie), RUNTIME)
    errors = []
    for field_of in (estimator.field, replace(estimator.field, fit=None)):
        error = dense(replace(estimator, field=field_of)(torch.from_numpy(movie)).shifts.numpy(), recording.size) - field
        errors.append(np.sqrt(np.square(error - error.mean(axis=0)).mean()))
    assert errors[0] < 0.2 and errors[0] < 0.8 * errors[1]


def test_rigid_motion_stays_rigid():
    recording, shifts = moving(frames=60, size=(128, 128), noise=0.5)
    registration = Piecewise()(recording, RUNTIME).registration()
    error = registration.whole - shifts
    assert np.sqrt(((error - error.mean(axis=0)) ** 2).mean()) < 0.03
    assert np.abs(registration.shifts - registration.whole[:, None, None]).max() < 0.15


def test_a_field_of_one_shift_is_that_shift():
    """What is bent and what is slid agree, also on what lies outside."""
    frames = torch.from_numpy(moving(frames=4, size=(50, 41))[0][:])
    shifts = torch.tensor([[0.0, 0.0], [2.3, -1.7], [-3.3, 0.4], [6.0, 5.25]])[:, None, None]
    slid, bent = put_back(frames, shifts), put_back(frames, shifts.expand(-1, 3, 4, -1))
    assert torch.equal(slid.isnan(), bent.isnan())
    assert torch.allclose(slid.nan_to_num(), bent.nan_to_num(), atol=2e-3)
    assert torch.equal(slid[0], frames[0])
    far = put_back(frames, torch.full((4, 1, 1, 2), 60.0))
    assert far.isnan().all()


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"max_deviation": 0}, "max_deviation must be at least 1"),
        ({"patch": 20}, "patch must be at least 6 times"),
        ({}, "patch=64 px do not fit into 40 x 64 px"),
    ],
)
def test_what_does_not_fit_is_said(knobs, words):
    with pytest.raises(UserError, match=words):
        Piecewise(**knobs)(Recording(np.ones((30, 40, 64), np.float32)), RUNTIME)
