"""Cells that come and go, and move, under a pattern of the sensor that does not."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.register.auto import Auto
from detectnmf.register.neighbours import Neighbours, settle
from detectnmf.register.rigid import Rigid
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)
SIZE = (104, 112)


def veiled(frames: int = 240, rms: float = 1.5, seed: int = 0) -> tuple[Recording, np.ndarray]:
    """Blobs that flicker and move together (T, 2) px, pixels and columns that do not, noise: hardly anything of it is in all frames."""
    rng = np.random.default_rng([seed, 9])
    shifts = rms * rng.standard_normal((frames, 2)) + np.linspace(-1.5, 1.5, frames)[:, None] * [1, -1]
    centres = rng.uniform(0, 1, (40, 2)) * SIZE
    spikes = rng.random((40, frames + 60)) < 0.02
    traces = np.stack([np.convolve(row, np.exp(-np.arange(60) / 15))[60 : 60 + frames] for row in spikes])
    y, x = (np.arange(side) for side in SIZE)
    pattern = 0.6 * rng.standard_normal(SIZE) + 0.4 * rng.standard_normal(SIZE[1])
    movie = np.empty((frames, *SIZE), np.float32)
    for frame, shift, now in zip(movie, shifts, traces.T, strict=True):
        down = np.exp(-((y[:, None] - centres[:, 0] - shift[0]) ** 2) / 32)
        right = np.exp(-((x[:, None] - centres[:, 1] - shift[1]) ** 2) / 32)
        frame[:] = 3 * (down * now) @ right.T + pattern + 0.5 * rng.standard_normal(SIZE)
    return Recording(100 + movie, rate=15.0, name="veiled"), shifts


def rms(found: np.ndarray, true: np.ndarray) -> float:
    """px, of one axis; where the template lies does not count."""
    error = found - true
    return float(np.sqrt(np.nanmean(np.square(error - np.nanmean(error, axis=0)))))


@pytest.mark.parametrize("seed", [0, 1])
def test_what_a_fixed_pattern_hides_is_found(seed):
    recording, shifts = veiled(seed=seed)
    registration = Auto()(recording, RUNTIME).registration()
    assert registration.method["kind"] == "neighbours"
    assert rms(registration.whole, shifts) < 0.8  # px, of 1.7: what is left of the pattern still holds slow motion back
    steps = np.diff(registration.whole, axis=0) - np.diff(shifts, axis=0)
    assert np.sqrt(np.nanmean(steps**2)) < 0.6


def test_one_template_is_held_by_the_pattern():
    """Why there is another way."""
    recording, shifts = veiled()
    assert rms(Rigid()(recording, RUNTIME).registration().whole, shifts) > 1.5


def test_the_same_cells_and_pattern_at_rest_are_left():
    recording, _ = veiled(rms=0.0)
    movie = recording[:].copy()
    movie[:] = veiled(rms=0.0, frames=1)[0][0] + 0.5 * np.random.default_rng(4).standard_normal(movie.shape)
    resting = Recording(movie, rate=15.0)
    assert Auto()(resting, RUNTIME).recording is resting


def test_dark_frames_are_masked():
    recording, _ = veiled()
    movie = recording[:].copy()
    movie[50] = 100 + 0.5 * np.random.default_rng(3).standard_normal(SIZE)
    movie[51] = np.nan
    registration = Neighbours()(Recording(movie, rate=15.0), RUNTIME).registration()
    assert registration.flag[50] == "lost" and registration.flag[51] == "missing"
    assert registration.bad_frames.sum() <= 4


def test_places_agree_with_most_pairs():
    rng = np.random.default_rng(0)
    places = np.cumsum(rng.standard_normal((50, 2)), axis=0)
    first, second = (np.array(part) for part in zip(*((a, a + lag) for lag in (1, 2, 5) for a in range(50 - lag)), strict=True))
    moved = places[second] - places[first]
    moved[::10] += rng.uniform(3, 9, moved[::10].shape)
    found = settle(50, first, second, moved, np.ones(len(first)))
    assert np.abs(found - (places - np.median(places, axis=0))).max() < 0.3


def test_bad_input_is_refused():
    for shape in ((1, 64, 64), (40, 64, 8), (40, 64, 64)):
        with pytest.raises(UserError, match=r"^movie: "):
            Neighbours()(Recording(np.full(shape, 7, np.float32)), RUNTIME)
    with pytest.raises(UserError, match=r"register\.pattern"):
        Neighbours(pattern=0.0)
