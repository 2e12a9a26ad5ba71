"""Squares of pixels: the means are exact, the noise is white with variance 1."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.compress.means import LocalMeans
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="module")
def frames():
    """(200, 22, 33) noise whose level differs from pixel to pixel."""
    rng = np.random.default_rng(0)
    level = 1 + rng.random((22, 33))
    return (50 + level * rng.standard_normal((200, 22, 33))).astype(np.float32)


def test_means_of_squares_in_units_of_noise(frames):
    movie = LocalMeans(edge=8.0)(Recording(frames, pixel_size=2.0), QUIET)
    assert movie.rank == 6 * 9 and movie.shape == frames.shape  # squares of 4 px, cut at the border
    whole = ((frames - frames.mean(0)) / movie.std)[:, 4:8, 8:12].sum(axis=(1, 2)) / 4
    square = np.flatnonzero(movie.U.csr[4 * 33 + 8].toarray().ravel())
    assert np.allclose(movie.V[int(square[0])], whole, atol=1e-3)
    assert float(movie.V.std()) == pytest.approx(1, rel=0.02)
    assert np.allclose((movie.U.csr.T @ movie.U.csr).toarray(), np.eye(54), atol=1e-5)


def test_the_noise_level_is_each_pixels_own(frames):
    movie = LocalMeans(edge=4.0)(Recording(frames), QUIET)
    assert np.corrcoef(movie.std.ravel(), frames.std(0).ravel())[0, 1] > 0.9
    assert np.allclose(movie.mean, frames.mean(0), atol=1e-3)


def test_what_a_square_does_as_one_is_kept(frames):
    together = frames.copy()
    together[60:80, 8:12, 12:16] -= 3
    movie = LocalMeans(edge=4.0)(Recording(together), QUIET)
    change = movie[60:80].mean(0) - movie[100:120].mean(0)
    assert change[8:12, 12:16].mean() == pytest.approx(-3, abs=0.4) and abs(change[:, 20:].mean()) < 0.1


def test_bad_pixels_and_frames(frames):
    broken = frames.copy()
    broken[:, :4, :4] = 7.0
    broken[:, 6, 6] = np.nan
    broken[50:52] = np.nan
    broken[10, 20, 20] = np.nan
    movie = LocalMeans(edge=4.0)(Recording(broken), QUIET)
    assert movie.bad_pixels[:4, :4].all() and movie.bad_pixels[6, 6] and movie.bad_pixels.sum() == 17
    assert np.flatnonzero(movie.bad_frames).tolist() == [50, 51]
    assert movie.missing == 1 and movie.rank == 6 * 9 - 1
    V = movie.V.numpy()
    assert np.isfinite(V).all() and np.allclose(V[:, 50], (2 * V[:, 49] + V[:, 52]) / 3, atol=1e-5)


def test_any_size_of_pieces_gives_the_same(frames):
    large = LocalMeans(edge=4.0)(Recording(frames), QUIET)
    small = LocalMeans(edge=4.0)(Recording(frames), Runtime(device="cpu", max_memory=0.001, quiet=True))
    assert np.allclose(large.V, small.V, atol=1e-3)


def test_too_many_squares_for_the_memory(frames):
    with pytest.raises(UserError, match=r"squares of 1 px would take .* raise max_memory, or take larger ones: compress\.edge=\d"):
        LocalMeans(edge=1.0)(Recording(np.tile(frames, (4, 2, 2))), Runtime(device="cpu", max_memory=0.01, quiet=True))


def test_impossible_edge():
    with pytest.raises(UserError, match=r"compress\.edge"):
        LocalMeans(edge=0.0)


def test_frames_that_are_bad_count_in_nothing(frames):
    """A flash that saturates most of a frame, and frames that are known to be bad."""
    light = np.clip(np.round(100 * frames), 0, 65535).astype(np.uint16)
    flash = light.copy()
    flash[60, :, :20] = 65535
    flash[60, :, 20:] = 60000
    known = np.isin(np.arange(200), [20, 60, 130])
    flash[[20, 130]] += 5000
    found, clean = LocalMeans(edge=4.0)(Recording(flash, bad_frames=known), QUIET), LocalMeans(edge=4.0)(Recording(light), QUIET)
    unknown = LocalMeans(edge=4.0)(Recording(np.where(known[:, None, None] & (np.arange(200) != 60)[:, None, None], light, flash)), QUIET)
    for movie in (found, unknown):
        assert movie.bad_frames[60] and movie.bad_pixels is None
        np.testing.assert_allclose(movie.std, clean.std, rtol=0.15)
        np.testing.assert_allclose(movie.mean, clean.mean, atol=0.3 * clean.std.max())
    assert np.flatnonzero(found.bad_frames).tolist() == [20, 60, 130]
