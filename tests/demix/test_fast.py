"""Localised HALS, alone and after means, against the truth of synthetic movies and against its own converged solution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse
from toys import best_correlation, compress, toy

from detectnmf.background.none import NoBackground
from detectnmf.components import Components
from detectnmf.compressed import is_nothing
from detectnmf.demix.coarse_to_fine import CoarseToFine
from detectnmf.demix.fast import FastHALS, pixels_of
from detectnmf.demix.localnmf import LocalNMF
from detectnmf.demix.model import Model
from detectnmf.demix.supports import dilate
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.centres import Centres

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)
DIAMETER = 10.0
FAST = CoarseToFine(FastHALS(settle=False), FastHALS(iterations=5), frames=8)


def patches(made):
    """Gaussians in patches around the true centres."""
    return Centres()._patches(made.truth.centers, np.ones(len(made.truth)), made.movie, DIAMETER)


def run(demix, made, seeds=None, model=None):
    model = Model.nothing(made.movie) if model is None else model
    return demix(made.movie, model, patches(made) if seeds is None else seeds, DIAMETER, RUNTIME, NoBackground())


def cosines(found, truth):
    """(K,) best footprint cosine of each true cell."""
    a, t = sparse.csc_array(found.A.csr), truth.footprints
    norm = [np.sqrt(np.asarray(m.multiply(m).sum(axis=0)).ravel()) for m in (t, a)]
    return ((t.T @ a).toarray() / np.outer(*norm)).max(axis=1)


@pytest.fixture(scope="module")
def pulsing():
    """12 overlapping cells under a light that the whole field shares: a smooth image times one course."""
    made = toy(size=(48, 48), frames=800, cells=12, seed=4)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48] / 48
    image, course = (1 + 0.5 * y - 0.3 * x).ravel(), np.convolve(rng.standard_normal(900), np.ones(40), "same")[:800] / 6
    data = made.truth.footprints @ made.truth.traces + np.outer(image, course) + rng.standard_normal((48 * 48, 800))
    movie = replace(compress(data.astype(np.float32), (48, 48)), mean=(100 * image).reshape(48, 48).astype(np.float32))
    return replace(made, movie=movie, background=np.outer(image, course - course.mean()).astype(np.float32))


def test_cells_and_a_shared_light_are_told_apart(pulsing):
    model = run(FAST, pulsing).model
    assert len(model) == 12
    assert np.median(best_correlation(model.C.numpy(), pulsing.truth.traces)) > 0.98
    assert np.median(cosines(model, pulsing.truth)) > 0.97
    found = pulsing.movie.U.csr @ model.B.numpy()
    assert ((found - pulsing.background) ** 2).sum() < 0.02 * (pulsing.background**2).sum()
    without = run(FastHALS(percentile=None), pulsing).model
    assert np.median(best_correlation(without.C.numpy(), pulsing.truth.traces)) < 0.9, "there is something to tell apart"


def test_means_first_lead_to_the_converged_solution(pulsing):
    """Within 0.1 % of the converged objective after two iterations on the movie itself."""
    converged = run(FastHALS(iterations=200, tolerance=0), pulsing)
    means = run(CoarseToFine(FastHALS(settle=False), FastHALS(iterations=2), frames=8), pulsing)
    cold = run(FastHALS(iterations=2), pulsing)
    goal = converged.history["objective"][-1]
    assert means.history["objective"][-1] - goal < 1e-3 < cold.history["objective"][-1] - goal
    assert len(means.model) == 12
    assert (best_correlation(means.model.C.numpy(), converged.model.C.numpy()) > 0.99).all()
    truth = Components(sparse.csc_array(converged.model.A.csr), (48, 48))
    assert (cosines(means.model, truth) > 0.99).all()


def test_the_objective_never_rises_but_where_the_movie_changes(pulsing):
    history = run(FAST, pulsing).history
    rises = np.diff(history["objective"]) > 1e-7 * history["objective"][:-1]
    assert not (rises & ~history["structural"][1:]).any() and history["structural"].sum() == 2


def test_what_is_handed_on_goes_on_where_it_stopped(pulsing):
    """Three and three iterations are six: cells, courses and background are handed on as they are."""
    first = run(FastHALS(iterations=3, tolerance=0, settle=False), pulsing).model
    assert first.light is not None and is_nothing(first.B)
    second = run(FastHALS(iterations=3, tolerance=0), pulsing, Components.empty((48, 48)), first)
    six = run(FastHALS(iterations=6, tolerance=0), pulsing)
    assert np.allclose(second.history["objective"], six.history["objective"][3:], rtol=1e-5)
    assert torch.allclose(second.model.C, six.model.C, atol=0.02) and second.model.light is None


def test_the_background_of_the_means_is_worth_an_iteration(pulsing):
    """Without it the movie itself begins with an image of the light at rest, whose course is to be found again."""
    with_it, without = (
        run(CoarseToFine(FastHALS(settle=settle, least_brightness=0), FastHALS(iterations=1), frames=8), pulsing)
        for settle in (False, True)
    )
    goal = run(FastHALS(iterations=200, tolerance=0), pulsing).history["objective"][-1]
    assert with_it.history["objective"][-1] - goal < 0.75 * (without.history["objective"][-1] - goal)


def test_a_cell_that_was_not_found_is_not_taken_for_background():
    """Eleven of twelve are seeded, and nothing is shared: the twelfth is left in the residual. A light that all pixels share is taken."""
    made = toy(size=(48, 48), frames=800, cells=12, seed=4)
    missed = int(np.argmax(made.truth.traces.std(axis=1) * np.sqrt(made.truth.footprints.power(2).sum(axis=0))))
    found = run(FAST, made, patches(made)[np.flatnonzero(np.arange(12) != missed)])
    assert found.model.B.count_nonzero() == 0
    inside = made.truth.footprints[:, [missed]].toarray()[:, 0] > 0.5
    left = (made.movie.U.csr @ made.movie.V.numpy() - found.model.A.csr @ found.model.C.numpy() - found.model.b.numpy()[:, None])[inside]
    assert np.corrcoef(left.mean(axis=0), made.truth.traces[missed])[0, 1] > 0.9


def test_pixels_of_an_image():
    assert pixels_of(np.r_[np.full(7, 3.0), np.zeros(20)]) == pytest.approx(7)
    assert pixels_of(np.zeros(4)) == 0


def test_a_dense_loop_gives_the_same_objective():
    """The same updates, one component after the other on the dense movie in float64."""
    made = toy(size=(24, 26), frames=120, cells=4, seed=3)
    found = run(FastHALS(iterations=25, tolerance=0, sweeps=1, percentile=None), made)
    Y = (made.movie.U.csr @ made.movie.V.numpy()).astype(np.float64)
    Y -= Y.mean(1, keepdims=True)
    A = patches(made).footprints.toarray().astype(np.float64)
    support, C = A > 0, np.maximum(Y[A.argmax(0)], 0)
    for _ in range(400):
        for k in range(4):
            C[k] = np.maximum(0, C[k] + A[:, k] @ (Y - A @ (C - C.mean(1, keepdims=True))) / (A[:, k] @ A[:, k]))
        flat = C - C.mean(1, keepdims=True)
        for k in range(4):
            A[:, k] = support[:, k] * np.maximum(0, A[:, k] + (Y - A @ flat) @ flat[k] / (flat[k] @ flat[k]))
    expected = np.square(Y - A @ flat).mean()
    assert found.history["objective"][-1] == pytest.approx(expected, rel=0.01)


def test_footprints_stay_within_their_patches(pulsing):
    seeds = patches(pulsing)
    model = run(FastHALS(), pulsing, seeds).model
    assert len(model) == 12 and not (model.A.csr.toarray() > 0)[seeds.footprints.toarray() == 0].any()
    means = run(FAST, pulsing, seeds).model  # whole squares of 2 x 2 px
    allowed = dilate(seeds.footprints, (48, 48), 2).toarray()
    assert not (means.A.csr.toarray() > 0)[allowed == 0].any()


def test_a_movie_below_zero_is_demixed_as_well(pulsing):
    below = replace(pulsing, movie=replace(pulsing.movie, mean=pulsing.movie.mean - 1000))
    model = run(FAST, below).model
    assert len(model) == 12 and np.median(best_correlation(model.C.numpy(), pulsing.truth.traces)) > 0.97


def test_no_centres_leave_the_background_alone(pulsing):
    model = run(FAST, pulsing, Components.empty((48, 48))).model
    assert len(model) == 0 and model.C.shape == (0, 800)
    one = run(
        FAST, replace(pulsing, movie=replace(pulsing.movie, V=pulsing.movie.V[:0], U=type(pulsing.movie.U)(sparse.csr_array((2304, 0)))))
    )
    assert len(one.model) == 0


def test_a_second_pass_keeps_the_first_cells_and_adds_new(pulsing):
    seeds = patches(pulsing)
    first = run(FAST, pulsing, seeds[:7]).model
    second = run(FAST, pulsing, seeds[7:], first).model
    assert len(second) == 12
    assert np.median(best_correlation(second.C.numpy(), pulsing.truth.traces)) > 0.98


def test_localnmf_runs_on_means_as_well():
    """The wrapper knows nothing of what it wraps."""
    made = toy(size=(48, 48), frames=800, cells=8, seed=8)
    alone = run(LocalNMF(), made, made.truth).model
    both = run(CoarseToFine(LocalNMF(), LocalNMF(iterations=4), frames=8), made, made.truth).model
    assert len(alone) == len(both) == 8
    worst = [best_correlation(model.C.numpy(), made.truth.traces).min() for model in (alone, both)]
    assert worst[1] > worst[0] - 0.01
    assert (cosines(both, made.truth) > 0.98).all()


def test_short_movies_and_small_cells_are_averaged_less():
    """70 frames and cells of 5 px: nothing is left to average, and the coarse movie is the fine one."""
    made = toy(size=(24, 24), frames=70, cells=2, diameter=5.0, seed=1)
    seen = []

    def spy(movie, *args):
        seen.append(movie.shape)
        return FastHALS()(movie, *args)

    CoarseToFine(spy, spy)(made.movie, Model.nothing(made.movie), made.truth, 5.0, RUNTIME, NoBackground())
    assert seen == [(70, 24, 24)] * 2


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)], indirect=True)
def test_cpu_and_gpu_agree(pulsing, device):
    movie = pulsing.movie.to(device)
    found = FAST(movie, Model.nothing(movie), patches(pulsing), DIAMETER, Runtime(device=device, quiet=True), NoBackground()).model
    assert torch.allclose(found.C.cpu(), run(FAST, pulsing).model.C, atol=1e-2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CoarseToFine(FastHALS(), FastHALS(), frames=0), "demix.frames must be at least 1"),
        (lambda: FastHALS(percentile=120), "from 0 to 100"),
        (lambda: FastHALS(iterations=0), "at least 1"),
    ],
)
def test_knobs_out_of_range_are_refused(make, words):
    with pytest.raises(UserError, match=words):
        make()
