"""What every compressor must do; and what `compress=none`, which keeps all noise, does in its place."""

from __future__ import annotations

import numpy as np
import pytest

from detectnmf.compress.means import LocalMeans
from detectnmf.compress.whole import Whole
from detectnmf.recording import Recording

GROUP = "compress"


@pytest.fixture(autouse=True)
def decomposes(part):
    """Local means promise something else, see tests/compress/test_means.py: that nothing is lost, noise included."""
    if isinstance(part, LocalMeans):
        pytest.skip("local means keep the noise")


def test_close_to_the_clean_movie_in_the_recordings_units(part, toy, runtime):
    movie = part(toy.recording, runtime)
    clean = toy.baseline + (toy.truth.footprints @ toy.truth.traces).T.reshape(toy.recording.shape)
    assert movie.shape == toy.recording.shape
    if isinstance(part, Whole):
        assert np.allclose(movie[:], toy.recording[:], atol=1e-3)
    else:
        assert np.std(movie[:] - clean) < 0.35 * toy.noise
    assert abs(np.median(movie.std) / toy.noise - 1) < 0.1


def test_every_component_has_a_local_basis(part, toy, runtime):
    movie = part(toy.recording, runtime)
    assert movie.U.shape == movie.U_local.shape == (640, movie.rank)
    assert np.array_equal(movie.U.csr.indices, movie.U_local.csr.indices)


def test_noise_is_not_kept(part, runtime):
    if isinstance(part, Whole):
        pytest.skip("compress=none keeps it, as it says")
    noise = np.random.default_rng(1).normal(10, 1, (200, 30, 30)).astype(np.float32)
    assert part(Recording(noise), runtime).rank == 0


def test_the_same_again(part, toy, runtime):
    first, second = (part(toy.recording, runtime) for _ in range(2))
    assert np.array_equal(first.V.numpy(), second.V.numpy())
