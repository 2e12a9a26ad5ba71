"""From a movie in which three things happen to a table of three events."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from happenings import FRAMES, HAPPENS, NOISE, PIXEL, SIZE, course, disc, film

from detectnmf.background.none import NoBackground
from detectnmf.compress.means import LocalMeans
from detectnmf.demix.lasso import LassoLars
from detectnmf.demix.model import Model
from detectnmf.demix.pieces import Pieces, fit, groups
from detectnmf.demix.seminmf import SparseSemiNMF
from detectnmf.errors import UserError
from detectnmf.event_table import describe, tabulate
from detectnmf.events.grid import Grid
from detectnmf.events.keep import KeepEvents
from detectnmf.events.match import match_events
from detectnmf.events.signed import SignedEvents
from detectnmf.judge.reproduce import compare
from detectnmf.pipeline import Pipeline
from detectnmf.recording import Recording
from detectnmf.seeds.pockets import Pockets
from detectnmf.traces.none import NoReading

DIAMETER = 20.0


def pipeline(**knobs):
    return Pipeline(
        LocalMeans(edge=8.0),
        {"pockets": Pockets()},
        SparseSemiNMF(**knobs),
        NoBackground(),
        KeepEvents(),
        traces=NoReading(),
        events=SignedEvents(),
    )


@pytest.fixture(scope="module")
def found(happening, quiet):
    return pipeline()(happening.recording, quiet, DIAMETER)


@pytest.fixture(scope="module")
def true():
    alone = [film([one]) for one in HAPPENS.values()]
    return tabulate([(describe(x, np.abs(x).max(axis=0), 1.0, PIXEL), (0, 0), 0, 0.0) for x in alone], SIZE)


def test_each_event_is_found_once(found, true):
    scores = match_events(found.events, true, 0.5)
    assert (scores.found, scores.true, len(scores.pairs)) == (3, 3, 3) and scores.f1 == 1
    assert np.abs(scores.onset).max() < 1.0
    assert np.abs(scores.area - 1).max() < 0.2
    assert np.abs(scores.depth - 1).max() < 0.15
    assert np.abs(scores.duration - 1).max() < 0.2
    assert list(found.events.dips) == [True, False, True]


def test_courses_are_signed_and_local_in_time(found):
    traces, sign = found.cells.traces, found.quality["sign"]
    assert (sign < 0).any() and (sign > 0).any() and found.cells.footprints.data.min() > 0
    assert ((traces != 0).mean(axis=1) < 0.6).all()
    before = traces[:, :10]
    assert not before.any(), "nothing happens before the first onset"


def test_the_model_says_what_happened(found, happening):
    """In F / F0: footprints @ traces is the clean change, within the noise of a square's mean."""
    model = (found.cells.footprints @ found.cells.traces).T.reshape(happening.clean.shape)
    error, signal = np.std(model - happening.clean), np.std(happening.clean)
    assert error < 0.35 * signal


@pytest.mark.parametrize(("alpha", "most"), [(12.0, 3), (1e6, 0)])
def test_alpha_is_the_sensitivity(happening, quiet, alpha, most):
    result = pipeline(alpha=alpha)(happening.recording, quiet, DIAMETER)
    assert len(result.events) <= most and (alpha > 100 or len(result.events) >= 1)
    assert result.cells.traces.shape[1] == FRAMES


def test_higher_alpha_finds_a_part_of_what_lower_finds(happening, quiet):
    counts = [len(pipeline(alpha=alpha)(happening.recording, quiet, DIAMETER).events) for alpha in (4.0, 20.0, 60.0)]
    assert counts == sorted(counts, reverse=True) and counts[0] == 3 and counts[-1] == 0


def test_nothing_is_found_in_noise(quiet):
    noise = (1 + NOISE * np.random.default_rng(3).standard_normal((FRAMES, *SIZE))).astype(np.float32)
    result = pipeline()(Recording(noise, rate=1.0, pixel_size=PIXEL), quiet, DIAMETER)
    assert len(result.events) == 0 and result.events.footprints.shape == (SIZE[0] * SIZE[1], 0)


def test_lars_and_coordinate_descent_agree(happening, quiet, found):
    other = pipeline(solver=LassoLars())(happening.recording, quiet, DIAMETER)
    assert len(other.events) == 3
    assert np.allclose(other.events.onset, found.events.onset, atol=0.1)
    assert np.allclose(other.events.area, found.events.area, rtol=0.03)


def test_one_fit_never_goes_uphill(happening, quiet):
    movie = happening.movie
    grid = Grid.of(movie, DIAMETER)
    Y = grid.courses(movie)
    seeds = Pockets()(movie, Model.nothing(movie), DIAMETER, quiet)
    pieces = SparseSemiNMF()._departing(Y, Y, grid, seeds, DIAMETER, 1.0)
    for group in groups(pieces):
        prices = [3.0 + 0.1 * k for k in range(len(group))]
        values = [fit(group, Y, prices, SparseSemiNMF().solver, rounds, 0.0)[1] for rounds in (1, 2, 4, 8)]
        assert all(after <= before + 1e-4 * abs(before) for before, after in pairwise(values))


def test_the_residual_of_pieces_is_what_the_model_leaves(happening, quiet):
    movie = happening.movie
    grid = Grid.of(movie, DIAMETER)
    seeds = Pockets()(movie, Model.nothing(movie), DIAMETER, quiet)
    model = SparseSemiNMF()(movie, Model.nothing(movie), seeds, DIAMETER, quiet, NoBackground()).model
    again = Pieces.of(grid, model, 2.0)
    left = again.residual(grid.courses(movie)) - torch.from_numpy(grid.basis.T @ model.b.numpy())[:, None]
    assert torch.allclose(left, grid.courses(movie, model), atol=1e-3)


def test_one_that_outlasts_the_filters_and_wanders_is_one_event(quiet):
    clean = np.zeros((FRAMES, *SIZE))
    for t in range(FRAMES):
        clean[t] = -0.12 * course(20, 45)[t] * disc(30, 25 + 0.35 * max(0, t - 20), 9)
    movie = (1 + clean + NOISE * np.random.default_rng(1).standard_normal(clean.shape)).astype(np.float32)
    result = pipeline()(Recording(movie, rate=1.0, pixel_size=PIXEL), quiet, DIAMETER)
    assert len(result.cells) > 1, "several components ..."
    assert len(result.events) == 1, "... that are one event"
    assert result.events.drift_columns[0] > 5 * PIXEL > abs(result.events.drift_rows[0])


def test_the_grid_of_a_movie_of_squares_is_its_own(happening, quiet):
    raw = LocalMeans(edge=PIXEL)(happening.recording, quiet)
    assert Grid.of(raw, DIAMETER).edge == 1
    own = Grid.of(happening.movie, DIAMETER)
    assert own.edge == 4 and len(own) == 15 * 20
    assert torch.equal(own.courses(happening.movie), happening.movie.V)


def test_a_result_without_a_movie_is_refused(found, quiet):
    with pytest.raises(UserError, match="holds no movie"):
        SignedEvents()(replace(found, movie=None), quiet)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SparseSemiNMF(alpha=-1.0), "demix.alpha"),
        (lambda: SparseSemiNMF(durations=(0.0,)), "demix.durations"),
        (lambda: Pockets(widths=()), "seeder.pockets.widths"),
        (lambda: SignedEvents(saddle=0.0), "events.saddle"),
    ],
)
def test_impossible_knobs(make, words):
    with pytest.raises(UserError, match=words):
        make()


def test_two_runs_are_compared_event_by_event(found):
    assert len({len(one) for one in found.events.courses}) > 1
    assert compare(found, found).differing == {}
    first, *others = found.events.courses
    other = replace(found, events=replace(found.events, courses=(1.5 * first, *others)))
    assert list(compare(found, other).differing) == ["events.courses.0"]
    fewer = replace(found, events=found.events[:-1])
    assert f"events.courses.{len(others)}" in compare(found, fewer).differing
