"""localNMF against the truth of synthetic movies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage, sparse
from toys import best_correlation, compress, footprints, toy

from detectnmf.background.none import NoBackground
from detectnmf.background.ring import Ring
from detectnmf.components import Components
from detectnmf.demix.localnmf import LocalNMF
from detectnmf.demix.model import Model
from detectnmf.demix.regress import nonnegative_regression
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def demix(made, seeds=None, background=None, model=None, **knobs):
    model = Model.nothing(made.movie) if model is None else model
    seeds = made.truth if seeds is None else seeds
    return LocalNMF(**knobs)(made.movie, model, seeds, 10.0, RUNTIME, Ring() if background is None else background)


def cosines(found, truth):
    """(K,) best footprint cosine of each true cell."""
    a, t = sparse.csc_array(found.A.csr), truth.footprints
    norm = [np.sqrt(np.asarray(m.multiply(m).sum(axis=0)).ravel()) for m in (t, a)]
    return ((t.T @ a).toarray() / np.outer(*norm)).max(axis=1)


@pytest.fixture(scope="module")
def dense():
    """25 overlapping cells on 64x64 px with a fluctuating background."""
    return toy(size=(64, 64), frames=800, cells=25, background=1.0, seed=0)


@pytest.fixture(scope="module")
def demixed(dense):
    return demix(dense)


def test_dense_cells_are_demixed(dense, demixed):
    model = demixed.model
    assert len(model) == 25
    assert np.median(best_correlation(model.C.numpy(), dense.truth.traces)) > 0.98
    assert np.median(cosines(model, dense.truth)) > 0.99


def test_nearly_as_good_as_the_oracle(dense, demixed):
    B = Ring()(dense.movie, replace(Model.nothing(dense.movie), A=dense.A), 10.0, RUNTIME)
    oracle = nonnegative_regression(dense.movie, dense.A, B)
    best = best_correlation(oracle.C.numpy(), dense.truth.traces).mean()
    assert best_correlation(demixed.model.C.numpy(), dense.truth.traces).mean() > best - 0.01


def test_background_is_recovered(dense, demixed):
    found = (dense.movie.U @ demixed.model.B).numpy()
    assert ((found - dense.background) ** 2).sum() < 0.02 * (dense.background**2).sum()


def test_model_is_consistent(dense, demixed):
    model = demixed.model
    assert (model.A.csr.data > 0).all() and (model.C >= 0).all()
    assert np.allclose(model.A.csr.max(axis=0).toarray(), 1)
    assert torch.allclose(model.B.mean(dim=1), torch.zeros(dense.movie.rank), atol=1e-4)
    rest = dense.movie.U @ (dense.movie.V - model.B) - model.A @ model.C - model.b[:, None]
    assert float(rest.mean(dim=1).abs().max()) < 0.2  # b lies where the cells rest, the noise at rest is cut off below it
    last = demixed.history["objective"][-1]  # with the baseline and offsets that fit best
    assert last < float(rest.square().mean()) < 1.5 * last


@pytest.mark.parametrize("seed", range(3))
def test_the_objective_never_rises_between_revisions(seed):
    made = toy(size=(40, 40), frames=300, cells=9, background=1.0, seed=seed)
    rough = Components.from_images(np.where(made.truth.images() > 0.5, 1, 0).astype(np.float32))
    history = demix(made, rough).history
    objective, free = history["objective"], ~history["structural"][1:]
    assert free.sum() > 10
    assert (np.diff(objective)[free] <= 1e-6 * objective[0]).all()
    assert history["structural"][0] and objective[-1] < 0.5 * objective[0]


def test_bit_equal_again(dense, demixed):
    again = demix(dense)
    assert torch.equal(again.model.C, demixed.model.C) and torch.equal(again.model.B, demixed.model.B)
    assert (again.model.A.csr != demixed.model.A.csr).nnz == 0
    assert (again.history["objective"] == demixed.history["objective"]).all()


def test_rough_seeds_are_repaired():
    """Cores, halves, shifted and false seeds: the true cells come out, the rest goes."""
    made = toy(size=(64, 64), frames=800, cells=10, seed=6)
    rng = np.random.default_rng(0)
    images = made.truth.images()
    cores = [ndimage.shift(np.where(i > 0.5, i, 0), rng.normal(0, 1, 2), order=1) for i in images[:8]]
    x = np.arange(64)[None]
    halves = [np.where(x < made.truth.centers[8][1], images[8], 0), np.where(x >= made.truth.centers[8][1], images[8], 0)]
    false = footprints((64, 64), 3, 10, rng)
    found = demix(made, Components.from_images(np.stack([*cores, images[9], *halves, *false]).astype(np.float32)), NoBackground())
    assert len(found.model) == 10
    assert (cosines(found.model, made.truth) > 0.95).all()
    assert (best_correlation(found.model.C.numpy(), made.truth.traces) > 0.95).all()
    assert found.history["merged"].sum() + found.history["deleted"].sum() == 4


def test_a_second_pass_keeps_the_first_cells_and_adds_new():
    made = toy(size=(48, 48), frames=500, cells=6, seed=8)
    first = demix(made, made.truth[:3], NoBackground())
    second = demix(made, made.truth[3:], NoBackground(), first.model)
    assert len(second.model) == 6
    assert (best_correlation(second.model.C.numpy(), made.truth.traces) > 0.97).all()


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)], indirect=True)
def test_cpu_and_gpu_agree(dense, demixed, device):
    runtime = Runtime(device=device, max_memory=1.0, quiet=True)
    movie = dense.movie.to(device)
    found = LocalNMF()(movie, Model.nothing(movie), dense.truth, 10.0, runtime, Ring())
    assert found.model.C.device.type == device
    assert len(found.model) == len(demixed.model)
    assert (best_correlation(found.model.C.cpu().numpy(), demixed.model.C.numpy()) > 0.999).all()
    last = [d.history["objective"][-1] for d in (found, demixed)]
    assert last[0] == pytest.approx(last[1], rel=1e-2)


def test_nothing_in_nothing_out():
    made = toy(size=(40, 40), frames=300, cells=0, images=np.zeros((0, 40, 40), np.float32), background=1.0, courses=np.zeros((0, 300)))
    found = demix(made, Components.empty((40, 40)))
    assert len(found.model) == 0 and found.model.C.shape == (0, 300)
    kept = (made.movie.U @ found.model.B).numpy()
    assert ((kept - made.background) ** 2).sum() < 0.1 * (made.background**2).sum()


def test_a_movie_of_rank_zero_passes():
    noise = np.random.default_rng(0).standard_normal((1600, 300)).astype(np.float32)
    movie = compress(noise, (40, 40))
    assert movie.rank == 0
    one = Components.from_images(footprints((40, 40), 1, 10, np.random.default_rng(0)))
    for seeds in (Components.empty((40, 40)), one):
        found = LocalNMF()(movie, Model.nothing(movie), seeds, 10.0, RUNTIME, Ring())
        assert len(found.model) == 0 and found.model.B.shape == (0, 300)


def test_bad_pixels_belong_to_no_cell():
    made = toy(size=(40, 40), frames=300, cells=4, seed=9)
    bad = np.zeros((40, 40), bool)
    bad[18:22] = True
    found = LocalNMF()(replace(made.movie, bad_pixels=bad), Model.nothing(made.movie), made.truth, 10.0, RUNTIME, NoBackground())
    assert found.model.A.csr.toarray()[bad.ravel()].sum() == 0


def test_seeds_of_another_size_are_refused():
    made = toy(size=(24, 24), frames=60, cells=1)
    with pytest.raises(UserError, match="576 pixels"):
        demix(made, Components.empty((10, 10)))
