"""The coarse grid against dense sums, and what is remembered of a movie."""

from __future__ import annotations

import copy
import gc
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import toy

from detectnmf.background.coarse import Coarse, Remembered, averaged, binned, energy, projector, scaled
from detectnmf.background.openfield import OpenField, accepted
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="module")
def made():
    found = toy(size=(30, 42), frames=120, cells=3, background=1.0, seed=1)
    std = np.random.default_rng(0).uniform(0.5, 2, (30, 42)).astype(np.float32)
    return replace(found, movie=replace(found.movie, std=std))


@pytest.fixture(scope="module")
def coarse(made):
    return Coarse.of(made.movie, 4)


def test_open_pixels_are_those_without_a_support(made, coarse):
    model = replace(Model.nothing(made.movie), A=made.A)
    covered = np.asarray((made.truth.footprints != 0).sum(axis=1)).ravel() > 0
    assert np.array_equal(coarse.open(model) > 0, coarse.good & ~covered)


def test_pooling_adds_what_is_open(made, coarse):
    open_ = (np.arange(30 * 42) % 3 > 0).astype(np.float32)
    dense = (made.movie.U @ made.movie.V).numpy() * made.movie.std.reshape(-1, 1) * open_[:, None]
    assert np.allclose(coarse.pool(made.movie, open_) @ made.movie.V.numpy(), coarse.add @ dense, atol=1e-3)


def test_the_way_back_is_interpolation_in_units_of_noise(made, coarse):
    image = np.random.default_rng(1).random((coarse.add.shape[0], 5)).astype(np.float32)
    dense = (coarse.grid.interpolate() @ image) / made.movie.std.reshape(-1, 1)
    expected = made.movie.U_local.T @ torch.from_numpy(dense.astype(np.float32))
    assert torch.allclose(coarse.lift @ torch.from_numpy(image), expected, atol=1e-3)


def test_a_chain_in_pieces(made, coarse):
    pooled = coarse.pool(made.movie, np.ones(30 * 42, np.float32))
    V = made.movie.V
    expected = coarse.lift @ torch.from_numpy(pooled @ V.numpy())
    expected -= expected.mean(dim=1, keepdim=True)
    for memory in (1.0, 1e-5):
        found = coarse.back([pooled], V, Runtime(device="cpu", max_memory=memory, quiet=True))
        assert torch.allclose(found, expected, atol=1e-2 * float(expected.abs().max()))


def test_hand_made_factors_are_projected_by_least_squares(made):
    movie = replace(made.movie, U_local=None)
    V = torch.from_numpy(np.random.default_rng(2).random(movie.V.shape).astype(np.float32))
    again = movie.U @ (projector(movie) @ (movie.U @ V))
    assert torch.allclose(again, movie.U @ V, atol=1e-3)


def test_energies(made):
    V = averaged(made.movie.V, 3)
    assert V.shape[1] == 40 and float(V.mean(dim=1).abs().max()) < 1e-4
    expected = (made.movie.U @ V).square().sum(dim=1).numpy()
    assert np.allclose(energy(made.movie, V, RUNTIME), expected, rtol=1e-4, atol=1e-3)
    assert binned(torch.ones(2, 5000)).shape[1] == 625 and binned(torch.ones(2, 300)).shape[1] == 300


def test_rows_are_multiplied(made):
    factor = np.random.default_rng(3).random(30 * 42).astype(np.float32)
    assert np.allclose(scaled(made.movie.U.csr, factor).toarray(), made.movie.U.csr.toarray() * factor[:, None])


def test_the_open_field(made, coarse):
    model = replace(Model.nothing(made.movie), A=made.A)
    found = OpenField.of(coarse, made.movie, model, 0.1)
    open_ = coarse.open(model)
    dense = (made.movie.U @ (made.movie.V - made.movie.V.mean(dim=1, keepdim=True))).numpy() * made.movie.std.reshape(-1, 1)
    count = coarse.add @ open_
    mean = coarse.add @ (dense * open_[:, None]) / np.maximum(count, 1)[:, None]
    assert np.allclose(found.Y.numpy(), mean, atol=1e-3)
    variance = coarse.add @ (open_ * made.movie.std.ravel() ** 2) / np.maximum(count, 1) ** 2
    assert np.allclose(found.precision.numpy()[count > 0], 1 / variance[count > 0], rtol=1e-4)
    assert not found.precision.numpy()[count == 0].any()


def test_a_course_is_accepted_by_its_share():
    assert accepted(torch.tensor([0.0, 0.15, 0.225, 0.3, 1.0]), 0.3).tolist() == pytest.approx([0, 0, 0.5, 1, 1])


def test_what_is_remembered(made):
    movie, calls = replace(made.movie), []
    remembered = Remembered()
    for key in (1, 1, 2, 2, 1):
        assert remembered(movie, key, lambda key=key: calls.append(key) or key) == key
    assert calls == [1, 2, 1]
    other = replace(movie)
    remembered(other, 1, lambda: calls.append("other"))
    assert calls[-1] == "other"
    assert pickle.loads(pickle.dumps(remembered))._held is None and copy.deepcopy(remembered)._held is None
    del other
    gc.collect()
    assert remembered._held is None  # nothing of a movie outlives it
