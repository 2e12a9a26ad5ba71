"""CNMF on synthetic movies: each pixel's residual is its noise, traces are those of an indicator, and the cells are the true ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import sparse
from toys import best_correlation, compress, toy

from detectnmf.background.none import NoBackground
from detectnmf.background.rank1 import RankOne
from detectnmf.components import Components
from detectnmf.compress.whole import Whole
from detectnmf.demix.cnmf import CNMF, around_peak, noise_left, side_by_side
from detectnmf.demix.grams import Target, baseline
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.traces.none import NoReading
from detectnmf.traces.oasis import Oasis

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def run(made, seeds=None, background=None, model=None, **knobs):
    model = Model.nothing(made.movie) if model is None else model
    seeds = made.truth if seeds is None else seeds
    return CNMF(**{"iterations": 4, **knobs})(made.movie, model, seeds, 10.0, RUNTIME, NoBackground() if background is None else background)


def cosines(found, truth):
    """(K,) best footprint cosine of each true cell."""
    a, t = sparse.csc_array(found.A.csr), truth.footprints
    norm = [np.sqrt(np.asarray(m.multiply(m).sum(axis=0)).ravel()) for m in (t, a)]
    return ((t.T @ a).toarray() / np.outer(*norm)).max(axis=1)


@pytest.fixture(scope="module")
def crowded():
    return toy(size=(48, 48), frames=800, cells=10, seed=6)


@pytest.fixture(scope="module")
def demixed(crowded):
    return run(crowded)


def test_crowded_cells_are_demixed(crowded, demixed):
    model = demixed.model
    assert len(model) == 10 and np.allclose(model.A.csr.max(axis=0).toarray(), 1)
    assert np.median(cosines(model, crowded.truth)) > 0.97
    assert np.median(best_correlation(model.C.numpy(), crowded.truth.traces)) > 0.98
    history = demixed.history
    assert (np.diff(history["cells"]) <= 0).all() and len(history["objective"]) <= 4 and history["objective"][-1] < 0.5


def test_traces_rest_at_zero_and_only_decay_between_events(crowded, demixed):
    """Of order 1: no frame falls faster than the one decay that all share."""
    C = demixed.model.C.numpy().astype(np.float64)
    assert C.min() >= 0 and (np.median(C, axis=1) < 0.15 * C.max(axis=1)).all()
    fall = [min(after / before for before, after in pairwise(row) if before > 0.05 * row.max()) for row in C]
    assert np.ptp(fall) < 1e-3 and 0.8 < fall[0] < 1


def test_no_pixel_is_left_with_more_than_its_noise_but_for_what_cannot_be_explained():
    """Uncompressed, from true footprints: the squared residual of pixels within cells is the noise's, to 3 % in the median."""
    rng = np.random.default_rng(0)
    made = toy(size=(32, 32), frames=1200, cells=5, seed=3)
    clean = 50 + (made.truth.footprints @ made.truth.traces).T.reshape(1200, 32, 32)
    movie = Whole()(Recording((clean + rng.standard_normal(clean.shape)).astype(np.float32)), RUNTIME)
    model = run(replace(made, movie=movie), made.truth).model
    target = Target.of(movie, movie.nothing())
    dense = movie.V.numpy() - model.A.csr @ model.C.numpy() - baseline(target, model.A, model.C).numpy()[:, None]
    inside = np.diff(model.A.csr.indptr) > 0
    left = np.square(dense).mean(axis=1)[inside] * movie.std.ravel()[inside] ** 2
    assert np.median(left) == pytest.approx(1, abs=0.03)
    outside = np.asarray(made.truth.footprints.sum(axis=1)).ravel() == 0
    assert (model.A.csr.toarray()[outside] > 0.1).mean() < 0.01, "sparse: noise alone needs no cell"


def test_the_noise_of_pixels_is_found_by_their_spectrum():
    """Within 3 % where transients are on top of it, compressed to a tenth of it and not compressed."""
    made = toy(size=(32, 32), frames=3000, cells=5, seed=3)
    clean = (made.truth.footprints @ made.truth.traces).T.reshape(3000, 32, 32)
    spread = np.random.default_rng(1).uniform(1, 3, (32, 32))
    movie = Whole()(Recording((50 + clean + spread * np.random.default_rng(0).standard_normal(clean.shape)).astype(np.float32)), RUNTIME)
    found = noise_left(movie, RUNTIME) * movie.std.ravel()
    assert np.abs(found / spread.ravel() - 1).mean() < 0.03
    kept = np.linalg.norm((made.movie.U.csr @ made.movie.U_local.csr.T).toarray(), axis=1)  # of white noise, by the projection
    lively = kept > 0
    assert np.median(noise_left(made.movie, RUNTIME)[lively] / kept[lively]) == pytest.approx(1, abs=0.1)


def test_pieces_of_a_cell_are_merged(crowded):
    images = crowded.truth.images()
    x = np.arange(48)[None]
    middle = crowded.truth.centers[0][1]
    halves = [np.where(x < middle + 2, images[0], 0), np.where(x >= middle - 2, images[0], 0)]
    found = run(crowded, Components.from_images(np.stack([*halves, *images[1:]]).astype(np.float32)))
    assert len(found.model) == 10 and found.history["merged"].sum() == 1


def test_a_background_of_rank_one_is_told_apart():
    made = toy(size=(48, 48), frames=800, cells=6, seed=8)
    course = np.convolve(np.random.default_rng(0).standard_normal(900), np.ones(40), "same")[:800] / 6
    image = (1 + np.mgrid[:48, :48][0] / 96).ravel()
    dense = (made.movie.U.csr @ made.movie.V.numpy()) + np.outer(image, course - course.mean())
    rng = np.random.default_rng(1)
    movie = compress((dense + rng.standard_normal(dense.shape)).astype(np.float32), (48, 48))
    model = run(replace(made, movie=movie), background=RankOne()).model
    assert len(model) == 6 and (best_correlation(model.C.numpy(), made.truth.traces) > 0.95).all()
    found = movie.U.csr @ model.B.numpy()
    assert np.corrcoef(found.mean(0), course)[0, 1] > 0.98


def test_a_second_pass_keeps_the_first_cells_and_adds_new(crowded):
    first = run(crowded, crowded.truth[:5])
    second = run(crowded, crowded.truth[5:], model=first.model)
    assert len(second.model) == 10
    assert np.median(best_correlation(second.model.C.numpy(), crowded.truth.traces)) > 0.98


def test_nothing_in_nothing_out(crowded):
    found = run(crowded, Components.empty((48, 48)))
    assert len(found.model) == 0 and found.model.C.shape == (0, 800) and len(found.history["objective"]) == 1
    silent = replace(crowded, movie=replace(crowded.movie, V=torch.zeros_like(crowded.movie.V)))
    assert len(run(silent).model) == 0


def test_bit_equal_again(crowded, demixed):
    again = run(crowded)
    assert torch.equal(again.model.C, demixed.model.C) and (again.model.A.csr != demixed.model.A.csr).nnz == 0


def test_entries_lie_side_by_side_once_each():
    pixels = np.array([5, 3, 5, 5, 9, 3, 7, 9])
    found = side_by_side(pixels)
    assert sorted(np.concatenate([seats.ravel() for seats in found]).tolist()) == list(range(8))
    assert all((pixels[seats] == pixels[seats[:, :1]]).all() for seats in found)
    assert side_by_side(np.zeros(0, np.int64)) == []


def test_only_the_part_around_the_peak_stays():
    image = np.zeros((2, 6, 8), np.float32)
    image[0, 1:3, 1:3], image[0, 4, 6] = 0.5, 1.0
    image[1, 0, 0], image[1, 0, 2] = 1.0, 0.9
    found = around_peak(Components.from_images(image).footprints, (6, 8)).toarray()
    assert np.flatnonzero(found[:, 0]).tolist() == [38] and np.flatnonzero(found[:, 1]).tolist() == [0]


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)], indirect=True)
def test_cpu_and_gpu_agree(crowded, demixed, device):
    made = replace(crowded, movie=crowded.movie.to(device))
    found = CNMF()(made.movie, Model.nothing(made.movie), made.truth, 10.0, Runtime(device=device, quiet=True), NoBackground()).model
    assert (best_correlation(found.C.cpu().numpy(), demixed.model.C.numpy()) > 0.999).all()


@pytest.mark.parametrize("knobs", [{"iterations": 0}, {"reach_diameters": 0.0}])
def test_knobs_out_of_range_are_refused(knobs):
    with pytest.raises(UserError, match=rf"demix\.{next(iter(knobs))} must be"):
        CNMF(**knobs)


def test_order_two_is_passed_on(crowded):
    """With a rise, traces no longer jump: the highest step up is lower than of order 1."""
    rising = run(crowded, traces=Oasis(rise=0.05)).model.C.numpy()
    steps = [np.diff(C, axis=1).max(axis=1) / C.max(axis=1) for C in (rising, run(crowded).model.C.numpy())]
    assert np.median(steps[0]) < np.median(steps[1])


def test_traces_that_are_not_read_are_refused():
    with pytest.raises(UserError, match="leave out traces=none"):
        CNMF(traces=NoReading())
