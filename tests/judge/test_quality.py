"""The judge's measures against closed forms, and its verdict on drawn cells."""

import numpy as np
import pytest
import torch
from scipy import sparse

from detectnmf.errors import UserError
from detectnmf.judge import measures
from detectnmf.judge.quality import Judge
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

FRAMES = 600


def transients(rng, rate=0.01, decay=12.0, height=4.0, frames=FRAMES):
    spikes = (rng.random(frames) < rate).astype(float)
    spikes[50] = 1
    return height * np.convolve(spikes, np.exp(-np.arange(80) / decay))[:frames]


def test_noise_level_is_blind_to_transients(rng):
    noise = rng.normal(size=(4, 20000)) * np.array([[0.1], [1], [3], [10]])
    slow = np.stack([transients(rng, height=30, frames=20000)] * 4)
    np.testing.assert_allclose(measures.noise_level(torch.as_tensor(noise + slow)), [0.1, 1, 3, 10], rtol=0.06)


def test_robust_peak_forgets_a_single_frame():
    trace = np.zeros((3, 100), np.float32) + 5
    trace[0, 50] = 100  # one frame: an artefact
    trace[1, 50:52] = 100, 80  # two: the lower of both
    assert measures.robust_peak(torch.as_tensor(trace)).tolist() == [0, 75, 0]


def test_raw_trace_is_trace_plus_projected_residual(toys, rng):
    A = toys.boxes([(0, 0), (0, 3)]).reshape(2, -1).T
    movie = toys.movie(rng.normal(size=(800, 5)), rng.normal(size=(5, 30)))
    model = toys.model(movie, A, rng.random((2, 30)))
    model = type(model)(model.A, model.C, torch.as_tensor(rng.normal(size=800), dtype=torch.float32), 0.3 * movie.V, model.score)
    residual = (movie.U @ (movie.V - model.B) - model.A @ model.C).numpy() - model.b.numpy()[:, None]
    expected = model.C.numpy() + A.T @ residual / 36
    np.testing.assert_allclose(measures.raw_traces(movie, model), expected, atol=1e-4)
    np.testing.assert_allclose(measures.raw_traces(movie, model, slice(1, 2)), expected[1:], atol=1e-4)


def test_local_fit_equals_the_dense_one(toys, rng):
    corners = [(0, 0), (0, 3), (2, 1), (10, 10)]
    A = toys.boxes(corners).reshape(4, -1).T * rng.random((800, 1)).astype(np.float32)
    basis = sparse.random_array((800, 12), density=0.2, rng=rng).toarray()
    movie = toys.movie(np.hstack([A, basis]), np.vstack([rng.random((4, 50)) * 3, rng.normal(size=(12, 50))]))
    model = toys.model(movie, A, rng.random((4, 50)) * 2 + movie.V[:4].numpy())
    dense = (movie.U @ movie.V).numpy()
    for cell in range(4):
        a, c = A[:, cell], model.C[cell].numpy()
        others = [k for k in range(4) if k != cell]
        mine = (dense - A[:, others] @ model.C[others].numpy())[a > 0]
        weights = a[a > 0]
        correlation = np.array([np.corrcoef(pixel, c)[0, 1] for pixel in mine])
        mine = mine - mine.mean(1, keepdims=True)
        rest = mine - np.outer(weights, c - c.mean())
        fit = measures.local_fit(movie, model, sparse.csc_array(model.A.csr), cell)
        assert fit.correlation == pytest.approx(weights @ correlation / weights.sum(), abs=1e-4)
        assert fit.explained == pytest.approx(1 - (rest**2).sum() / (mine**2).sum(), abs=1e-4)


def test_shapes_of_footprints(toys):
    rows, columns = np.mgrid[: toys.size[0], : toys.size[1]]
    disk = ((rows - 10) ** 2 + (columns - 20) ** 2 <= 8.5**2).astype(np.float32)
    line = np.zeros(toys.size, np.float32)
    line[10, :36] = 1
    faint = 0.1 * disk + line
    images = np.stack([disk, line, faint, 0 * disk])
    footprints = sparse.csc_array(images.reshape(4, -1).T)
    assert measures.area(footprints).tolist() == [disk.sum(), 36, 36, 0]
    compact = measures.compactness(footprints, toys.size)
    assert compact[0] == pytest.approx(1, abs=0.01)
    assert compact[1] == pytest.approx(36 / (2 * np.pi * (36**2 - 1) / 12 + 2 * np.pi / 6))  # variance of 36 places in a row
    assert compact[3] == 0


def test_measuring_leaves_the_footprints_alone(toys):
    footprints = sparse.csc_array(toys.boxes([(0, 0), (3, 3)]).reshape(2, -1).T * np.where(np.arange(800) % 3, 1, 0.1)[:, None])
    before = footprints.toarray()
    for measure in (measures.masks, measures.area, measures.overlap, lambda A: measures.compactness(A, toys.size)):
        measure(footprints)
    np.testing.assert_array_equal(footprints.toarray(), before)


def test_overlap_is_the_share_of_energy_under_others(toys):
    footprints = sparse.csc_array(toys.boxes([(0, 0), (0, 2), (10, 10)]).reshape(3, -1).T * np.array([1, 2, 1]))
    np.testing.assert_allclose(measures.overlap(footprints), [24 / 36, 24 / 36, 0])


def test_real_cell_stays_and_noise_goes(toys, rng, quiet):
    """A cell, a copy of leaked noise, and a cell that the movie does not show."""
    A = toys.boxes([(0, 0), (0, 10), (0, 20)]).reshape(3, -1).T
    real, leak, invented = transients(rng), rng.normal(size=FRAMES), transients(rng)
    unrelated = rng.normal(size=(36, FRAMES)) * 0.5
    noisy = np.zeros((800, 36))
    noisy[np.flatnonzero(A[:, 2]), np.arange(36)] = 1
    movie = toys.movie(np.hstack([A[:, :2], noisy]), np.vstack([real, 0.2 * leak, unrelated]))
    model = toys.model(movie, A, np.stack([real, 0.2 * np.maximum(leak, 0), invented]), score=[0.9, 0.8, 0.7])
    judged = Judge()(movie, model, 6.8, quiet)
    assert judged.keep.tolist() == [True, False, False]
    assert judged.quality["reason"].tolist() == [b"ok", b"snr", b"residual_correlation"]
    assert judged.quality["snr"][0] == pytest.approx((np.sort(real)[-2] - np.median(real)) * 6, rel=0.15)  # noise 1/‖a‖ = 1/6
    assert judged.quality["explained_variance"][0] == pytest.approx(1, abs=1e-5)
    assert judged.quality["residual_correlation"][0] == pytest.approx(1, abs=1e-5)
    assert judged.quality["explained_variance"][2] < 0 and abs(judged.quality["residual_correlation"][2]) < 0.15
    np.testing.assert_allclose(judged.quality["detector_score"], [0.9, 0.8, 0.7])


def test_verdict_does_not_depend_on_the_memory(toys, rng):
    A = toys.boxes([(0, 0), (0, 3), (0, 20)]).reshape(3, -1).T
    C = np.stack([transients(rng) for _ in range(3)])
    movie = toys.movie(np.hstack([A, rng.normal(size=(800, 3))]), np.vstack([C, rng.normal(size=(3, FRAMES))]))
    model = toys.model(movie, A, C)
    one, other = (Judge()(movie, model, 6.8, Runtime(device="cpu", max_memory=gib, quiet=True)).quality for gib in (1, 1e-5))
    np.testing.assert_allclose(one["snr"], other["snr"], rtol=1e-5)
    np.testing.assert_allclose(one["noise"], other["noise"], rtol=1e-5)


def test_implausible_areas_go(toys, rng, quiet):
    images = toys.boxes([(0, 0, 1, 1), (3, 3), (0, 0, 20, 40)])
    A = images.reshape(3, -1).T
    C = np.stack([transients(rng, height=20) for _ in range(3)])
    movie = toys.movie(A, C)
    judged = Judge(min_area=0.1, max_area=10)(movie, toys.model(movie, A, C), 6.8, quiet)  # disk: 36.3 px
    assert judged.quality["reason"].tolist() == [b"small", b"ok", b"large"]
    assert Judge(min_area=0, max_area=100)(movie, toys.model(movie, A, C), 6.8, quiet).keep.all()


def test_no_cells(toys, quiet, rng):
    movie = toys.movie(rng.normal(size=(800, 2)), rng.normal(size=(2, 40)))
    judged = Judge()(movie, toys.model(movie, np.zeros((800, 0)), np.zeros((0, 40))), 8.0, quiet)
    assert judged.keep.shape == (0,) and all(values.shape == (0,) for values in judged.quality.values())


def test_bounds_must_make_sense():
    with pytest.raises(UserError, match=r"min_area=5.*max_area=2"):
        Judge(min_area=5, max_area=2)


def test_empty_footprint_is_judged_and_goes(toys, rng, quiet):
    A = np.hstack([toys.boxes([(3, 3)]).reshape(1, -1).T, np.zeros((800, 1))])
    movie = toys.movie(A[:, :1], transients(rng)[None])
    model = toys.model(movie, A, np.stack([transients(rng), np.zeros(FRAMES)]))
    assert isinstance(model.A, SparseMatrix)
    judged = Judge()(movie, model, 6.8, quiet)
    assert not judged.keep[1] and all(np.isfinite(v).all() for k, v in judged.quality.items() if k != "reason")
