"""What every registrar must do."""

from __future__ import annotations

import numpy as np
from drift import moving, still

from detectnmf.errors import UserError

GROUP = "register"


def test_frames_are_alike_however_they_are_read(part, runtime):
    recording, _ = moving(frames=60)
    whole = part(recording, runtime).recording[:]
    apart = part(recording, runtime).recording
    assert whole.shape == recording.shape
    assert np.allclose(apart[50:], whole[50:], atol=1e-3, equal_nan=True)
    assert np.allclose(apart[7], whole[7], atol=1e-3, equal_nan=True)


def test_it_moves_nothing_that_lies_still(part, runtime):
    recording = still(frames=60)
    registration = part(recording, runtime).registration()
    assert registration is None or np.abs(registration.shifts).max() < 0.1


def test_what_it_cannot_register_is_said_or_left(part, runtime):
    """One frame; a field of few pixels; one even level."""
    for shape in ((1, 64, 64), (30, 64, 8), (30, 64, 64)):
        recording, _ = moving(frames=2)
        odd = type(recording)(np.full(shape, 7, np.float32))
        try:
            assert part(odd, runtime).recording.frames is odd.frames
        except UserError as error:
            assert str(error).startswith("movie: ")
