"""The judge's measures against closed forms, and its verdict on drawn cells."""

import numpy as np
import pytest
import torch
from scipy import sparse

from detectnmf.errors import UserError
from detectnmf.footprints import area, masks
from detectnmf.judge import measures
from detectnmf.judge.quality import Judge
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

FRAMES = 600


def transients(rng, rate=0.01, decay=12.0, height=4.0, frames=FRAMES):
    spikes = (rng.random(frames) < rate).astype(float)
    spikes[50] = 1
    return height * np.convolve(spikes, np.exp(-np.arange(80) / decay))[:frames]


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


def test_raw_traces_of_chosen_cells(toys, rng):
    A = toys.boxes([(0, 0), (0, 3), (9, 9)]).reshape(3, -1).T
    movie = toys.movie(rng.normal(size=(800, 5)), rng.normal(size=(5, 30)))
    model = toys.model(movie, A, rng.random((3, 30)))
    every = measures.raw_traces(movie, model)
    np.testing.assert_allclose(measures.raw_traces(movie, model, np.array([2, 0])), every[[2, 0]], atol=1e-5)


def test_robust_peak_of_a_dip():
    trace = np.full((1, 100), 5, np.float32)
    trace[0, 50:52] = -100, -80
    assert measures.robust_peak(torch.as_tensor(trace)).tolist() == [85]


def test_skewness_of_known_distributions(rng):
    values = np.stack([rng.exponential(size=200_000), rng.normal(size=200_000), -rng.exponential(size=200_000), np.full(200_000, 3.0)])
    np.testing.assert_allclose(measures.skewness(torch.as_tensor(values, dtype=torch.float32)), [2, 0, -2, 0], atol=0.1)


def test_shapes_of_footprints(toys):
    rows, columns = np.mgrid[: toys.size[0], : toys.size[1]]
    disk = ((rows - 10) ** 2 + (columns - 20) ** 2 <= 8.5**2).astype(np.float32)
    line = np.zeros(toys.size, np.float32)
    line[10, :36] = 1
    faint = 0.1 * disk + line
    images = np.stack([disk, line, faint, 0 * disk])
    footprints = sparse.csc_array(images.reshape(4, -1).T)
    assert area(footprints).tolist() == [disk.sum(), 36, 36, 0]
    compact = measures.compactness(footprints, toys.size)
    assert compact[0] == pytest.approx(1, abs=0.01)
    assert compact[1] == pytest.approx(36 / (2 * np.pi * (36**2 - 1) / 12 + 2 * np.pi / 6))  # variance of 36 places in a row
    assert compact[3] == 0
    halo = disk + 0.25 * ((rows - 10) ** 2 + (columns - 34) ** 2 <= 3.5**2)  # a dim neighbour that responds alike
    gauss = np.exp(-((rows - 10) ** 2 + (columns - 20) ** 2) / 18)
    compact = measures.compactness(sparse.csc_array(np.stack([halo, gauss]).reshape(2, -1).T), toys.size)
    assert compact[0] > 0.9  # 0.75 where all pixels above a fifth of the maximum count alike
    assert compact[1] > 0.9


def test_measuring_leaves_the_footprints_alone(toys):
    footprints = sparse.csc_array(toys.boxes([(0, 0), (3, 3)]).reshape(2, -1).T * np.where(np.arange(800) % 3, 1, 0.1)[:, None])
    before = footprints.toarray()
    for measure in (masks, area, measures.overlap, lambda A: measures.compactness(A, toys.size)):
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
    judged = Judge(min_snr=6.0, min_residual_correlation=0.2)(movie, model, 6.8, quiet)
    assert judged.keep.tolist() == [True, False, False]
    quality, reason = judged.quality, judged.quality["reason"]
    assert reason[0] == "ok" and "snr" in reason[1] and "residual_correlation" in reason[2]
    assert quality["probability"][0] > 0.9 and quality["probability"].argmax() == 0
    assert quality["snr"][0] == pytest.approx((np.sort(real)[-2] - np.median(real)) * 6, rel=0.15)  # noise 1/‖a‖ = 1/6
    assert quality["explained_variance"][0] == pytest.approx(1, abs=1e-5)
    assert quality["residual_correlation"][0] == pytest.approx(1, abs=1e-5)
    assert quality["explained_variance"][2] < 0 and abs(quality["residual_correlation"][2]) < 0.15
    np.testing.assert_allclose(quality["detector_score"], [0.9, 0.8, 0.7])
    np.testing.assert_allclose(quality["crosstalk"], 0)  # nobody touches anybody


def test_verdict_does_not_depend_on_the_memory(toys, rng):
    A = toys.boxes([(0, 0), (0, 3), (0, 20)]).reshape(3, -1).T
    C = np.stack([transients(rng) for _ in range(3)])
    movie = toys.movie(np.hstack([A, rng.normal(size=(800, 3))]), np.vstack([C, rng.normal(size=(3, FRAMES))]))
    model = toys.model(movie, A, C)
    one, other = (Judge()(movie, model, 6.8, Runtime(device="cpu", max_memory=gib, quiet=True)).quality for gib in (1, 1e-5))
    for name in one:
        if name != "reason":
            np.testing.assert_allclose(one[name], other[name], rtol=1e-4, atol=1e-6)


def test_implausible_areas_go(toys, rng, quiet):
    images = toys.boxes([(0, 0, 1, 1), (3, 3), (0, 0, 20, 40)])
    A = images.reshape(3, -1).T
    C = np.stack([transients(rng, height=20) for _ in range(3)])
    movie = toys.movie(A, C)
    limits = Judge(fdr=1, min_probability=0, min_area=0.1, max_area=10)
    judged = limits(movie, toys.model(movie, A, C), 6.8, quiet)  # disc: 36.3 px
    assert judged.quality["reason"].tolist() == ["small", "ok", "large"]
    none = Judge(fdr=1, min_probability=0, min_snr=0, min_residual_correlation=-1, min_area=0, max_area=100)
    assert none(movie, toys.model(movie, A, C), 6.8, quiet).keep.all()


def verdict(judge, probability, snr=10.0):
    """(K,) reasons for components of known probability, all else in order."""
    probability = np.asarray(probability, float)
    plain = {"residual_correlation": 1.0, "area": 100.0, "snr": snr}
    quality = {name: np.broadcast_to(value, probability.shape) for name, value in plain.items()}
    return judge._reasons({"probability": probability, **quality}, 12.0).tolist()


def test_default_cut_is_by_the_expected_share_of_false_ones():
    ok, out = "ok", "probability"
    judge = Judge(fdr=0.05, min_probability=0)
    # 1 − p: 0, 0, 0.1, 0.1 has mean 0.05; with 0.2 more it would be 0.08
    assert verdict(judge, [0.9, 1, 0.8, 1, 0.9]) == [ok, ok, out, ok, ok]
    assert verdict(judge, [0.94]) == [out] and verdict(judge, [0.95]) == [ok]
    assert verdict(judge, [0.1, 0.2]) == [out, out] and verdict(Judge(fdr=1, min_probability=0), [0.1, 0.2]) == [ok, ok]
    # many sure cells do not make room for what surely is none
    assert verdict(judge, [1] * 40 + [0.01]) == [ok] * 41
    assert verdict(Judge(fdr=0.05, min_probability=0.2), [1] * 40 + [0.01]) == [ok] * 40 + [out]


def test_a_component_says_all_that_speaks_against_it():
    judge = Judge(fdr=0.05, min_probability=0.2, min_snr=3)
    assert verdict(judge, [1, 1, 0.05], snr=np.array([9, 2, 2.0])) == ["ok", "snr", "probability+snr"]
    assert verdict(judge, [1, 1], snr=np.array([9, np.nan])) == ["ok", "snr"]


def test_no_cells(toys, quiet, rng):
    movie = toys.movie(rng.normal(size=(800, 2)), rng.normal(size=(2, 40)))
    judged = Judge()(movie, toys.model(movie, np.zeros((800, 0)), np.zeros((0, 40))), 8.0, quiet)
    assert judged.keep.shape == (0,) and all(values.shape == (0,) for values in judged.quality.values())


def test_bounds_must_make_sense():
    with pytest.raises(UserError, match=r"min_area=5.*max_area=2"):
        Judge(min_area=5, max_area=2)
    with pytest.raises(UserError, match=r"judge.fdr must be from 0 to 1, got 5"):
        Judge(fdr=5)
    with pytest.raises(UserError, match=r"judge.calibration='mine' is neither shipped nor a file"):
        Judge(calibration="mine")


def test_empty_footprint_is_judged_and_goes(toys, rng, quiet):
    A = np.hstack([toys.boxes([(3, 3)]).reshape(1, -1).T, np.zeros((800, 1))])
    movie = toys.movie(A[:, :1], transients(rng)[None])
    model = toys.model(movie, A, np.stack([transients(rng), np.zeros(FRAMES)]))
    assert isinstance(model.A, SparseMatrix)
    judged = Judge()(movie, model, 6.8, quiet)
    assert not judged.keep[1] and all(np.isfinite(v).all() for k, v in judged.quality.items() if k != "reason")
