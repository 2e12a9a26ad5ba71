"""What every enhancer must do."""

from __future__ import annotations

import numpy as np

GROUP = "enhance"


def test_frames_are_enhanced_when_they_are_read_and_alike_however_they_are_read(part, toy, runtime):
    enhanced = part(toy.recording, 6.0, runtime)
    assert enhanced.shape == toy.recording.shape and enhanced.rate == toy.recording.rate
    whole = enhanced[:]
    assert np.isfinite(whole).all()
    assert np.allclose(enhanced[5:9], whole[5:9], atol=1e-5) and np.allclose(enhanced[7], whole[7], atol=1e-5)


def test_cells_stand_out_at_least_as_they_did(part, toy, runtime):
    """In the pixels of a cell, the recording follows the true movie."""
    truth = (toy.truth.footprints @ toy.truth.traces).T.reshape(toy.recording.shape)
    busy = truth.std(0) > 0.5 * truth.std(0).max()

    def agreement(movie: np.ndarray) -> float:
        return float(np.mean([np.corrcoef(movie[:, y, x], truth[:, y, x])[0, 1] for y, x in np.argwhere(busy)]))

    assert agreement(part(toy.recording, 6.0, runtime)[:]) > agreement(toy.recording[:]) - 0.05
