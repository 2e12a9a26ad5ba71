"""Every background model on movies made of exactly its own kind of background, and cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import best_correlation

from detectnmf.background.lowrank import LowRank
from detectnmf.background.none import NoBackground
from detectnmf.background.rank1 import RankOne
from detectnmf.background.ring import Ring
from detectnmf.demix.localnmf import LocalNMF
from detectnmf.demix.model import Model
from detectnmf.demix.regress import nonnegative_regression
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)
MODELS = {"none": NoBackground, "rank1": RankOne, "lowrank": LowRank, "ring": Ring}
RECOVERED = {"none": 1.0, "rank1": 0.98, "lowrank": 0.98, "ring": 0.93}  # least R² with the true cells as seeds
# what another model reaches at best: one course is less than three, and three are less than many
WRONG = {("rank1", "none"): 0.01, ("lowrank", "none"): 0.01, ("lowrank", "rank1"): 0.75, ("ring", "rank1"): 0.5, ("ring", "lowrank"): 0.8}
DIAMETER = 10.0


def recovered(made, B):
    """R² of the background; of none at all, 1 when none is found."""
    found = (made.movie.U @ B).numpy()
    energy = float((made.background**2).sum())
    return 1 - float(((found - made.background) ** 2).sum()) / energy if energy else float(not found.any())


def energy(made, B):
    """Energy of a background over that of the cells' fluctuation."""
    signal = made.truth.footprints @ made.truth.traces
    return float((made.movie.U @ B).square().sum() / ((signal - signal.mean(axis=1, keepdims=True)) ** 2).sum())


def demixed(made, background):
    return LocalNMF()(made.movie, Model.nothing(made.movie), made.truth, DIAMETER, RUNTIME, background).model


def knows(made, cells):
    """A model that knows where some of the cells are, and nothing of their traces."""
    A, C = made.truth.footprints[:, :cells], torch.zeros((cells, len(made.movie)))
    return replace(Model.nothing(made.movie), A=SparseMatrix(A), C=C)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", list(MODELS))
def test_the_right_model_finds_the_background_and_the_traces(movie_on, kind, seed):
    made = movie_on(kind, seed=seed)
    model = demixed(made, MODELS[kind]())
    assert recovered(made, model.B) >= RECOVERED[kind]
    assert len(model) == len(made.truth)
    found = best_correlation(model.C.numpy(), made.truth.traces)
    aside = made.movie.U_local.T @ torch.from_numpy(made.background)
    oracle = best_correlation(nonnegative_regression(made.movie, made.A, aside).C.numpy(), made.truth.traces)
    assert np.median(found) > max(0.97, np.median(oracle) - 0.01)
    assert found.min() > 0.95


@pytest.mark.parametrize(("kind", "other"), list(WRONG))
def test_a_poorer_model_finds_less(movie_on, kind, other):
    made = movie_on(kind)
    wrong, right = (demixed(made, MODELS[name]()) for name in (other, kind))
    assert recovered(made, wrong.B) < WRONG[kind, other] < recovered(made, right.B) - 0.1
    traces = made.truth.traces
    assert np.median(best_correlation(wrong.C.numpy(), traces)) < np.median(best_correlation(right.C.numpy(), traces)) - 0.005


@pytest.mark.parametrize("known", [0, 5])
@pytest.mark.parametrize(("kind", "least"), [("rank1", 0.97), ("lowrank", 0.98), ("ring", 0.85)])
def test_cells_that_were_not_found_yet_do_little_harm(movie_on, kind, least, known):
    made = movie_on(kind)
    assert recovered(made, MODELS[kind]()(made.movie, knows(made, known), DIAMETER, RUNTIME)) > least


@pytest.mark.parametrize("kind", ["rank1", "lowrank", "ring"])
def test_a_movie_without_cells(movie_on, kind):
    made = movie_on(kind, cells=0)
    assert recovered(made, MODELS[kind]()(made.movie, Model.nothing(made.movie), DIAMETER, RUNTIME)) > (0.9 if kind == "ring" else 0.98)


@pytest.mark.parametrize("known", [0, 5, 9, 10])
@pytest.mark.parametrize("name", list(MODELS))
def test_a_background_free_movie_gets_almost_none(movie_on, name, known):
    """Below 1 % of the cells' energy, even when no cell is known."""
    for seed in range(3):
        made = movie_on("none", seed=seed)
        assert energy(made, MODELS[name]()(made.movie, knows(made, known), DIAMETER, RUNTIME)) < (0.002 if known < 10 else 1e-4)


@pytest.mark.parametrize("name", ["rank1", "lowrank", "ring"])
def test_mean_zero_and_the_same_again(movie_on, name):
    made = movie_on("lowrank")
    background = MODELS[name]()
    first = background(made.movie, knows(made, 5), DIAMETER, RUNTIME)
    assert float(first.mean(dim=1).abs().max()) < 1e-4
    assert torch.equal(first, background(made.movie, knows(made, 5), DIAMETER, RUNTIME))
    assert torch.equal(first, MODELS[name]()(made.movie, knows(made, 5), DIAMETER, RUNTIME))


@pytest.mark.parametrize("name", ["rank1", "lowrank", "ring"])
def test_little_memory_gives_the_same(movie_on, name):
    """The budget forces many short pieces."""
    made = movie_on("lowrank")
    whole = MODELS[name]()(made.movie, knows(made, 5), DIAMETER, RUNTIME)
    pieces = MODELS[name]()(made.movie, knows(made, 5), DIAMETER, Runtime(device="cpu", max_memory=2e-3, quiet=True))
    assert float((whole - pieces).abs().max()) < 1e-3 * float(whole.abs().max())


@pytest.mark.parametrize("name", ["rank1", "lowrank", "ring"])
def test_no_open_pixel_is_left(movie_on, name):
    made = movie_on("lowrank")
    A = SparseMatrix(np.ones((made.movie.U.shape[0], 1), np.float32))
    everywhere = replace(Model.nothing(made.movie), A=A, C=torch.zeros((1, len(made.movie))))
    assert not MODELS[name]()(made.movie, everywhere, DIAMETER, RUNTIME).any()


@pytest.mark.parametrize("name", ["rank1", "lowrank", "ring"])
def test_the_unit_of_the_recording_does_not_matter(movie_on, name):
    made = movie_on("lowrank")
    counts = replace(made.movie, std=np.full(made.movie.size, 37.0, np.float32))
    one, other = (MODELS[name]()(movie, knows(made, 5), DIAMETER, RUNTIME) for movie in (made.movie, counts))
    assert float((one - other).abs().max()) < 1e-3 * float(one.abs().max())


def test_rank_one_has_rank_one_and_a_positive_image(movie_on):
    made = movie_on("rank1")
    B = RankOne()(made.movie, knows(made, 5), DIAMETER, RUNTIME)
    values = torch.linalg.svdvals(B)
    assert float(values[1]) < 1e-4 * float(values[0])
    course = torch.linalg.svd(B, full_matrices=False).Vh[0]
    image = made.movie.U @ (B @ course)
    assert float((image * image.mean().sign()).min()) > -0.05 * float(image.abs().max())


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_low_rank_keeps_its_rank(movie_on, rank):
    made = movie_on("ring")
    values = torch.linalg.svdvals(LowRank(rank=rank)(made.movie, knows(made, 5), DIAMETER, RUNTIME))
    assert int((values > 1e-4 * values[0]).sum()) <= rank


@pytest.mark.parametrize(("model", "knobs"), [(LowRank, {"rank": 0}), (Ring, {"sides": 0}), (Ring, {"sides": 2, "dissent": 2})])
def test_impossible_knobs(model, knobs):
    with pytest.raises(UserError, match="background"):
        model(**knobs)


@pytest.mark.parametrize("kind", [RankOne, LowRank, Ring])
def test_a_grid_without_points_is_refused(kind):
    with pytest.raises(UserError, match=r"background\.points_per_diameter must be above 0, got 0"):
        kind(points_per_diameter=0)


def test_a_ring_without_width_is_refused():
    with pytest.raises(UserError, match=r"background\.inner_diameters must be 0 or more and below outer_diameters=1.25, got 1.5"):
        Ring(inner_diameters=1.5)
