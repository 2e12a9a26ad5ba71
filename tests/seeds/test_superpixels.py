"""Superpixels against cells that are there, and against noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import compress, smooth_background, toy, traces

from detectnmf.background.none import NoBackground
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.localnmf import LocalNMF
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime
from detectnmf.seeds.neighbours import DIRECTIONS, gate, neighbours
from detectnmf.seeds.superpixels import Superpixels, maxima, purest

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def seeds(movie, model=None):
    return Superpixels()(movie, Model.nothing(movie) if model is None else model, 10.0, RUNTIME)


def match(found, truth):
    """(found, truth) footprint cosines."""
    a, b = found.footprints, truth.footprints
    norm = [np.sqrt(np.asarray(m.multiply(m).sum(axis=0)).ravel()) for m in (a, b)]
    return (a.T @ b).toarray() / np.outer(*norm)


@pytest.fixture(scope="module")
def apart():
    """Four cells in the corners, far from one another."""
    rows, columns = np.mgrid[:48, :48]
    images = np.stack([np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 18) for y in (12, 36) for x in (12, 36)])
    return toy(frames=500, images=np.where(images > 0.1, images, 0).astype(np.float32), courses=traces(4, 500, np.random.default_rng(1)))


def test_separate_cells_are_each_found_once(apart):
    found = seeds(apart.movie)
    cosine = match(found, apart.truth)
    assert len(found) == 4 and sorted(cosine.argmax(axis=1).tolist()) == [0, 1, 2, 3]
    assert (cosine.max(axis=1) > 0.8).all()
    assert found.traces is None and ((found.score > 0.5) & (found.score <= 1)).all()


def test_only_what_is_not_explained_is_found(apart):
    half = LocalNMF()(apart.movie, Model.nothing(apart.movie), apart.truth[:2], 10.0, RUNTIME, NoBackground()).model
    found = seeds(apart.movie, half)
    assert sorted(match(found, apart.truth).argmax(axis=1).tolist()) == [2, 3]
    whole = LocalNMF()(apart.movie, half, found, 10.0, RUNTIME, NoBackground()).model
    assert len(whole) == 4 and len(seeds(apart.movie, whole)) == 0


def test_overlapping_cells_of_a_dense_movie_without_false_ones():
    made = toy(size=(64, 64), frames=800, cells=15, seed=3)
    found = seeds(made.movie)
    cosine = match(found, made.truth)
    assert len(found) >= 10
    assert (cosine.max(axis=1) > 0.5).all()
    assert len(set(cosine.argmax(axis=1).tolist())) == len(found)  # none twice


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)], indirect=True)
def test_cpu_and_gpu_agree(apart, device):
    movie = apart.movie.to(device)
    found = Superpixels()(movie, Model.nothing(movie), 10.0, Runtime(device=device, max_memory=1.0, quiet=True))
    assert abs(found.footprints - seeds(apart.movie).footprints).max() < 1e-3


@pytest.mark.parametrize("scale", [1.0, 1.4])
def test_white_noise_has_no_cells(scale):
    """Also when the compression took it for signal: 1.4 times the noise level passes the rank test."""
    noise = scale * np.random.default_rng(0).standard_normal((1600, 400)).astype(np.float32)
    movie = compress(noise, (40, 40))
    assert (movie.rank == 0) == (scale == 1.0)
    assert len(seeds(movie)) == 0


def test_a_smooth_background_alone_has_no_cells_once_it_is_explained():
    ground = smooth_background((40, 40), 300, np.random.default_rng(0))
    movie = compress(ground + np.random.default_rng(1).standard_normal(ground.shape).astype(np.float32), (40, 40))
    V = movie.V - movie.V.mean(dim=1, keepdim=True)
    assert len(seeds(movie, replace(Model.nothing(movie), B=0.9 * V))) == 0


def test_dips_are_no_cells(apart):
    assert len(seeds(apart.movie.with_V(-apart.movie.V))) == 0


def test_dips_are_cells_where_traces_are_signed(apart):
    """The same seeds, whatever the sign; and one cell of each sign side by side."""
    signed = replace(Superpixels(), signed=True)
    up, down = (signed(movie, Model.nothing(movie), 10.0, RUNTIME) for movie in (apart.movie, apart.movie.with_V(-apart.movie.V)))
    assert sorted(match(up, apart.truth).argmax(axis=1).tolist()) == [0, 1, 2, 3]
    assert abs(up.footprints - down.footprints).max() < 0.01 and np.allclose(up.score, down.score, atol=1e-3)  # the lower of two medians
    courses = apart.truth.traces * np.array([1, -1, -1, 1], np.float32)[:, None]
    mixed = toy(frames=500, images=apart.truth.images(), courses=courses).movie
    found = match(signed(mixed, Model.nothing(mixed), 10.0, RUNTIME), apart.truth)
    assert sorted(found.argmax(axis=1).tolist()) == [0, 1, 2, 3] and (found.max(axis=1) > 0.8).all()


@pytest.mark.parametrize("scale", [1.0, 1.4])
def test_white_noise_has_no_signed_cells(scale):
    noise = scale * np.random.default_rng(0).standard_normal((1600, 400)).astype(np.float32)
    movie = compress(noise, (40, 40))
    assert len(Superpixels(signed=True)(movie, Model.nothing(movie), 10.0, RUNTIME)) == 0


def test_the_signed_gate_is_odd():
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 501)).astype(np.float32))
    x -= x.median(dim=1, keepdim=True).values
    both, up = gate(x, 1.5, signed=True), gate(x, 1.5)
    assert torch.allclose(both, up - gate(-x, 1.5), atol=1e-6) and torch.allclose(both, -gate(-x, 1.5, signed=True), atol=1e-6)


def test_the_misfit_of_a_bright_cell_is_no_cell():
    """A cell modelled 10 % too small in its traces leaves a residual that is its own."""
    made = toy(frames=400, cells=1, peak=60, seed=1)
    model = replace(Model.nothing(made.movie), A=made.A, C=torch.from_numpy(0.9 * made.truth.traces), score=torch.ones(1))
    assert len(seeds(made.movie, model)) == 0


def test_neighbour_moments_equal_numpy_and_do_not_depend_on_the_bands():
    rng = np.random.default_rng(0)
    movie = Compressed.from_factors(rng.standard_normal((30, 6)), rng.standard_normal((6, 50)), np.zeros((5, 6)))
    whole = neighbours(movie, Model.nothing(movie), 1.5, RUNTIME)
    lines = neighbours(movie, Model.nothing(movie), 1.5, Runtime(device="cpu", max_memory=1e-6, quiet=True))
    assert np.allclose(whole.covariance, lines.covariance, atol=1e-5) and np.allclose(whole.variance, lines.variance, atol=1e-5)
    x = gate(movie.frames(slice(None)), 1.5).numpy().reshape(5, 6, 50)
    x -= x.mean(axis=2, keepdims=True)
    for which, (dy, dx) in enumerate(DIRECTIONS):
        assert whole.covariance[which, 2, 3] == pytest.approx((x[2, 3] * x[2 + dy, 3 + dx]).mean(), abs=1e-5)
    around = [np.corrcoef(x[2, 3], x[2 + dy, 3 + dx])[0, 1] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    assert whole.correlation(0.0)[2, 3] == pytest.approx(np.mean(around), abs=1e-4)


def test_maxima_keep_their_distance():
    image = np.zeros((30, 30))
    image[5, 5], image[5, 8], image[20, 20] = 1.0, 0.9, 0.8
    assert maxima(image, 0.5, 4.0).tolist() == [[5, 5], [20, 20]]


def test_purest_drops_mixtures_and_far_copies_stay():
    pure = torch.from_numpy(traces(2, 500, np.random.default_rng(2)))
    mixture = 0.5 * pure[:1] + 0.5 * pure[1:]
    where = np.array([[0, 0], [0, 4], [0, 2], [90, 90]], float)
    assert sorted(purest(torch.cat([pure, mixture, pure[:1]]), where, 10.0, 0.5)) == [0, 1, 3]


def test_empty_and_tiny_movies():
    movie = compress(np.zeros((64, 20), np.float32), (8, 8), noise=True)
    found = seeds(movie)
    assert isinstance(found, Components) and len(found) == 0 and found.size == (8, 8)
