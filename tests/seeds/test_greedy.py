"""Greedy seeds: the factors must say what the dense residual says, and every cell be found once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from toys import compress, toy

from detectnmf.compress.whole import Whole
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.seeds.greedy import Greedy, Left, Look, grown, noise_kept
from detectnmf.sparse import SparseMatrix

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="module")
def made():
    return toy(size=(50, 54), frames=400, cells=8, seed=2)


def centred(x):
    return x - x.mean(axis=-1, keepdims=True)


@pytest.mark.parametrize("edge", [None, 21])
def test_the_energy_follows_what_is_taken_out(made, edge):
    """After three components, one of them across the field's edge, the energy is that of the dense filtered residual."""
    good, left, look = np.ones(2700, bool), Left(made.movie, Model.nothing(made.movie)), Look(2.5, edge)
    energy = left.energy(look, good, RUNTIME)
    dense = centred((made.movie.U.csr @ made.movie.V.numpy()).astype(np.float64)).reshape(50, 54, -1)
    assert np.allclose(energy, np.square(look(dense)).sum(2), rtol=1e-3)
    for row, column in [tuple(c) for c in made.truth.centers[:2].round().astype(int)] + [(2, 3)]:
        seed = left.fitted(row, column, 9, look, good)
        course = seed.course.double().numpy() - seed.course.double().numpy().mean()
        left.take_out(seed, energy, look)
        dense[seed.window] -= seed.image[:, :, None] * course
    assert np.allclose(energy, np.square(look(dense)).sum(2), rtol=1e-2, atol=1e-3 * energy.max())


def test_products_with_the_residual_are_the_dense_ones(made):
    """Of a model with a background, and of components taken out since."""
    rng = np.random.default_rng(0)
    B = 0.1 * torch.from_numpy(rng.standard_normal(made.movie.V.shape).astype(np.float32))
    A = SparseMatrix(made.truth.footprints[:, :3])
    model = Model(A, torch.from_numpy(made.truth.traces[:3]), torch.zeros(2700), B, torch.ones(3))
    left = Left(made.movie, model)
    seed = left.fitted(*made.truth.centers[5].round().astype(int), 9, Look(2.5, None), np.ones(2700, bool))
    left.take_out(seed, np.ones(made.movie.size), Look(2.5, None))
    dense = made.movie.U.csr @ (made.movie.V - B).numpy() - A.csr @ made.truth.traces[:3]
    dense = centred(dense.astype(np.float64)).reshape(50, 54, -1)
    dense[seed.window] -= seed.image[:, :, None] * centred(seed.course.double().numpy())
    course, window = rng.standard_normal(400).astype(np.float32), grown(seed.window, 3, made.movie.size)
    pixels = np.arange(2700).reshape(50, 54)[window].ravel()
    expected = dense.reshape(2700, -1)[pixels] @ course
    assert np.allclose(left.along(torch.from_numpy(course), pixels), expected, atol=1e-3 * np.abs(expected).max())
    image = rng.random([w.stop - w.start for w in window])
    expected = np.einsum("yx,yxt->t", image, dense[window])
    assert np.allclose(left.through(image, window).numpy(), expected, atol=1e-3 * np.abs(expected).max())


def test_every_cell_is_found_where_it_is(made):
    seeds = Greedy()(made.movie, Model.nothing(made.movie), 10.0, RUNTIME)
    true, found = (x.footprints.toarray() / np.linalg.norm(x.footprints.toarray(), axis=0) for x in (made.truth, seeds))
    assert (np.max(true.T @ found, axis=1) > 0.85).all()
    assert len(seeds) <= 15, "pieces are merged later"


def test_the_number_is_an_upper_bound(made):
    nothing = Model.nothing(made.movie)
    three = Greedy(most=3)(made.movie, nothing, 10.0, RUNTIME)
    many = Greedy(most=1000)(made.movie, nothing, 10.0, RUNTIME)
    assert len(three) == 3 and 8 <= len(many) <= 15
    assert (cdist(three.centers, many.centers[:3]).diagonal() < 1e-6).all()
    model = Model(SparseMatrix(made.truth.footprints), torch.from_numpy(made.truth.traces), nothing.b, nothing.B, torch.ones(8))
    assert len(Greedy(most=8)(made.movie, model, 10.0, RUNTIME)) == 0, "cells of the model count"
    assert len(Greedy()(made.movie, model, 10.0, RUNTIME)) == 0, "what is explained is not found again"


def test_noise_has_no_seeds_and_bad_pixels_are_in_none(made):
    noise = np.random.default_rng(0).normal(100, 5, (600, 40, 44)).astype(np.float32)
    movie = Whole()(Recording(noise), RUNTIME)
    assert len(Greedy()(movie, Model.nothing(movie), 10.0, RUNTIME)) == 0
    assert noise_kept(movie) == pytest.approx(1)
    projector = (made.movie.U.csr @ made.movie.U_local.csr.T).toarray()
    assert noise_kept(made.movie) == pytest.approx(np.sqrt(np.square(projector).sum() / 2700), rel=1e-4)
    bad = np.zeros((50, 54), bool)
    bad[:, 20:24] = True
    seeds = Greedy()(replace(made.movie, bad_pixels=bad), Model.nothing(made.movie), 10.0, RUNTIME)
    assert len(seeds) and not seeds.footprints.toarray()[bad.ravel()].any()


@pytest.mark.parametrize("knobs", [{"most": 0}, {"width_diameters": 0.0}, {"reach_diameters": -1.0}, {"surround_diameters": 0.0}])
def test_knobs_out_of_range_are_refused(knobs):
    with pytest.raises(UserError, match=rf"seeder\.greedy\.{next(iter(knobs))} must be"):
        Greedy(**knobs)


def test_light_wider_than_a_cell_is_no_component():
    """Three cells in a light that waxes and wanes in two broad patches; a Gaussian alone takes it for cells."""
    made = toy(size=(60, 60), frames=400, cells=3, seed=6)
    rng, (y, x) = np.random.default_rng(0), np.mgrid[:60, :60]
    data = made.movie.U.csr @ made.movie.V.numpy()
    for centre in ((10, 15), (45, 40)):
        image = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * 30**2)).ravel()
        data += np.outer(image, 2 * np.convolve(rng.standard_normal(460), np.ones(60), "valid")[:400] / 60**0.5)
    movie = compress(data.astype(np.float32), (60, 60))
    true = made.truth.footprints.toarray() / np.linalg.norm(made.truth.footprints.toarray(), axis=0)

    def cosines(seeds):
        found = seeds.footprints.toarray() / np.linalg.norm(seeds.footprints.toarray(), axis=0)
        return true.T @ found

    less, alone = (Greedy(surround_diameters=edge)(movie, Model.nothing(movie), 10.0, RUNTIME) for edge in (2.0, None))
    assert (cosines(less).max(axis=1) > 0.85).all() and len(less) <= 6
    assert len(alone) > 2 * len(less), "there is something to be left alone"
