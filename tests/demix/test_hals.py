"""HALS against a plain dense loop in float64, the objective against the dense movie, the regression against NNLS."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import nnls
from toys import toy

from detectnmf.demix.colour import classes, colour, overlaps
from detectnmf.demix.grams import Target, baseline, objective, sampled_gram
from detectnmf.demix.hals import normalise, spatial, temporal
from detectnmf.demix.pattern import Pattern
from detectnmf.demix.regress import nonnegative_regression
from detectnmf.sparse import SparseMatrix


@pytest.fixture(scope="module")
def crowded():
    """Twelve overlapping cells on 32x32 px, with a background that is not zero."""
    made = toy(size=(32, 32), frames=200, cells=12, seed=3)
    B = 0.1 * torch.from_numpy(np.random.default_rng(0).standard_normal(made.movie.V.shape).astype(np.float32))
    target = Target.of(made.movie, B)
    dense = (made.movie.U.csr @ (made.movie.V - B).numpy()).astype(np.float64)
    rng = np.random.default_rng(1)
    A = made.truth.footprints.copy()
    A.data *= rng.uniform(0.5, 1.5, A.nnz).astype(np.float32)
    C = made.truth.traces * rng.uniform(0.5, 1.5, made.truth.traces.shape).astype(np.float32)
    return made, target, dense, sparse.csc_array(A), C


def centre(x):
    return x - x.mean(axis=1, keepdims=True)


def dense_objective(dense, A, C, b):
    return ((dense - A @ C.astype(np.float64) - b[:, None]) ** 2).sum()


def test_colours_are_disjoint_and_few(crowded):
    A = crowded[3]
    groups = classes(A)
    assert sorted(np.concatenate(groups).tolist()) == list(range(A.shape[1]))
    for group in groups:
        covered = np.asarray((A[:, group] != 0).sum(axis=1)).ravel()
        assert covered.max() == 1  # no pixel belongs to two cells of one colour
    shared = overlaps(A).toarray()
    most = (shared > 0).sum(axis=1).max()  # a cell and its neighbours
    assert len(groups) <= most


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 25), st.floats(0, 1), st.integers(0, 99))
def test_no_two_neighbours_have_the_same_colour(cells, density, seed):
    graph = np.triu(np.random.default_rng(seed).random((cells, cells)) < density, 1)
    graph = graph | graph.T
    found = colour(sparse.csr_array(graph.astype(np.float32)))
    i, j = np.nonzero(graph)
    assert (found[i] != found[j]).all()
    assert found.max(initial=-1) <= graph.sum(axis=1).max(initial=0)


def test_spatial_sweep_equals_a_dense_loop(crowded):
    made, target, dense, A, C = crowded
    pattern = Pattern.of(A, made.movie.U)
    found = pattern.matrix(spatial(target, pattern, pattern.values(A), torch.from_numpy(C), 2)).toarray()
    expected = A.toarray().astype(np.float64)
    Y, flat, support = centre(dense), centre(C.astype(np.float64)), A.toarray() != 0
    for _ in range(2):
        for k in np.concatenate(pattern.colours):
            step = (Y - expected @ flat) @ flat[k] / (flat[k] @ flat[k])
            expected[:, k] = np.where(support[:, k], np.maximum(0, expected[:, k] + step), 0)
    assert np.abs(found - expected).max() < 2e-4 * expected.max()


def test_temporal_sweep_equals_a_dense_loop(crowded):
    _, target, dense, A, C = crowded
    colours = classes(A)
    found = temporal(target, SparseMatrix(A), torch.from_numpy(C), colours, 2).numpy()
    expected, a = C.astype(np.float64), A.toarray().astype(np.float64)
    for _ in range(2):
        for k in np.concatenate(colours):
            b = (dense - a @ expected).mean(axis=1)
            step = a[:, k] @ (dense - a @ expected - b[:, None]) / (a[:, k] @ a[:, k])
            expected[k] = np.maximum(0, expected[k] + step)
    assert np.abs(found - expected).max() < 2e-4 * expected.max()


def test_objective_equals_the_dense_one(crowded):
    _, target, dense, A, C = crowded
    A_, C_ = SparseMatrix(A), torch.from_numpy(C)
    best = baseline(target, A_, C_)
    assert np.allclose(best.numpy(), (dense - A @ C).mean(axis=1), atol=1e-4)
    for b in (best, torch.zeros_like(best)):
        assert objective(target, A_, C_, b) == pytest.approx(dense_objective(dense, A, C, b.numpy()), rel=1e-6)
    nothing = SparseMatrix(sparse.csr_array((len(dense), 0)))
    none = torch.zeros((0, dense.shape[1]))
    assert objective(target, nothing, none, baseline(target, nothing, none)) == pytest.approx((centre(dense) ** 2).sum(), rel=1e-6)


def test_pixel_energies_and_sampled_gram(crowded):
    _, target, dense, _, _ = crowded
    pixels = np.array([0, 17, 500, 1023])
    assert np.allclose(target.energies[pixels], (centre(dense)[pixels] ** 2).sum(axis=1), rtol=1e-5)
    pattern = sparse.csr_array(np.triu(np.ones((len(target.V),) * 2)))
    expected = np.triu(target.V.double().numpy() @ target.V.double().numpy().T)
    assert np.allclose(sampled_gram(target.V, pattern).toarray(), expected, rtol=1e-9, atol=1e-9)


def test_each_half_step_lowers_the_objective(crowded):
    made, target, _, A, C = crowded
    pattern, traces = Pattern.of(A, made.movie.U), torch.from_numpy(C)
    values = pattern.values(A)
    last = np.inf
    for step in range(12):
        if step % 2:
            values = spatial(target, pattern, values, traces)
        else:
            traces = temporal(target, SparseMatrix(pattern.matrix(values)), traces, pattern.colours)
        matrix = SparseMatrix(pattern.matrix(values))
        now = objective(target, matrix, traces, baseline(target, matrix, traces))
        assert now < last
        last = now


def test_normalise_keeps_the_product_and_empty_cells():
    A = sparse.csc_array(np.array([[2.0, 0, 0], [4, 0, 0.5]], np.float32))
    C = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    scaled, traces = normalise(A, C)
    assert scaled.toarray().max(axis=0).tolist() == [1, 0, 1]
    assert np.allclose(scaled @ traces.numpy(), A @ C.numpy())


def test_regression_equals_nnls_frame_by_frame(crowded):
    made, _, _, _, _ = crowded
    found = nonnegative_regression(made.movie, made.A, sweeps=600, tolerance=1e-6)
    dense = (made.movie.U.csr @ made.movie.V.numpy()).astype(np.float64) - found.b.numpy()[:, None]
    a = made.truth.footprints.toarray().astype(np.float64)
    expected = np.stack([nnls(a, dense[:, t])[0] for t in range(0, 200, 10)], axis=1)
    assert np.abs(found.C.numpy()[:, ::10] - expected).max() < 0.02 * expected.max()
    assert (found.C.numpy() >= 0).all()


def test_regression_on_a_held_baseline_equals_nnls_and_signed_least_squares(crowded):
    """Not only at the best baseline: relative to a lower one the traces rest above 0, relative to a higher one they are cut off."""
    made, _, _, _, _ = crowded
    a, frames = made.truth.footprints.toarray().astype(np.float64), range(0, 200, 10)
    full = (made.movie.U.csr @ made.movie.V.numpy()).astype(np.float64)
    centre_b = full.mean(axis=1)
    for shift in (-0.3, 0.0, 0.3):
        b = torch.from_numpy((centre_b + shift).astype(np.float32))
        rest = full - b.double().numpy()[:, None]
        found = nonnegative_regression(made.movie, made.A, sweeps=600, tolerance=1e-7, b=b)
        expected = np.stack([nnls(a, rest[:, t])[0] for t in frames], axis=1)
        assert np.abs(found.C.numpy()[:, ::10] - expected).max() < 1e-3 * expected.max()
        assert torch.equal(found.b, b) and float(found.C.min()) == 0
        free = nonnegative_regression(made.movie, made.A, sweeps=2000, tolerance=1e-7, b=b, signed=True)
        expected = np.linalg.lstsq(a, rest, rcond=None)[0]
        assert float(free.C.min()) < 0 and np.abs(free.C.numpy() - expected).max() < 1e-3 * np.abs(expected).max()


def test_signed_traces_without_a_baseline_are_least_squares_about_their_means(crowded):
    made, _, _, _, _ = crowded
    a, full = made.truth.footprints.toarray().astype(np.float64), (made.movie.U.csr @ made.movie.V.numpy()).astype(np.float64)
    found = nonnegative_regression(made.movie, made.A, sweeps=2000, tolerance=1e-7, signed=True)
    assert np.abs(found.C.numpy() - np.linalg.lstsq(a, centre(full), rcond=None)[0]).max() < 1e-3 * float(found.C.abs().max())
    assert float(found.C.mean(dim=1).abs().max()) < 1e-3  # as they were at the start, but for rounding


def test_regression_without_cells_gives_the_baseline():
    made = toy(size=(24, 24), frames=80, cells=1)
    nothing = SparseMatrix(sparse.csr_array((576, 0)))
    found = nonnegative_regression(made.movie, nothing)
    assert found.C.shape == (0, 80)
    assert np.allclose(found.b.numpy(), (made.movie.U @ made.movie.V).mean(dim=1).numpy(), atol=1e-5)
