"""The seeder as a whole on drawn movies."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from toys import toy

from detectnmf.demix.model import Model
from detectnmf.enhance.neural import NeuralEnhancing
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.base import places
from detectnmf.seeds.classify import SeedClassifier
from detectnmf.seeds.cleansing import SeedsCleansing, noise_of_a_cell
from detectnmf.seeds.pooling import RandomMaxPooling

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)
DIAMETER = 8.0
SEEDER = SeedsCleansing(NeuralEnhancing())


@pytest.fixture(scope="module")
def drawn():
    """Six cells at 10 Hz on a background that fluctuates as much as noise."""
    made = toy(size=(48, 48), frames=600, cells=6, diameter=DIAMETER, background=1.0, seed=5)
    return replace(made, movie=replace(made.movie, rate=10.0))


def cosines(seeds, truth):
    found, true = (f.toarray() / np.maximum(np.linalg.norm(f.toarray(), axis=0), 1e-12) for f in (seeds.footprints, truth.footprints))
    return found.T @ true


def test_each_cell_gets_one_seed_and_nothing_else_does(drawn):
    seeds = SEEDER(drawn.movie, Model.nothing(drawn.movie), DIAMETER, RUNTIME)
    alike = cosines(seeds, drawn.truth)
    assert len(seeds) == len(drawn.truth) and alike.max(axis=0).min() > 0.8
    assert seeds.score.min() > 0.5


def test_each_step_leaves_part_of_what_the_one_before_left(drawn):
    steps = SEEDER.cleanse(drawn.movie, Model.nothing(drawn.movie), DIAMETER, RUNTIME).steps
    assert list(steps) == ["pooling", "prominence", "classifier", "merging"]
    left = list(steps.values())
    assert all(set(after) <= set(before) for before, after in pairwise(left))
    assert len(left[0]) > len(left[1]) >= len(left[2]) >= len(left[3]) > 0


@pytest.mark.parametrize("step", ["prominence", "classifier", "merging"])
def test_a_step_is_left_out_by_none(drawn, step):
    shorter = replace(SEEDER, **{step: None})
    steps = shorter.cleanse(drawn.movie, Model.nothing(drawn.movie), DIAMETER, RUNTIME).steps
    assert step not in steps and len(steps) == 3


def test_what_a_model_explains_gets_no_seed(drawn):
    """All cells but the brightest two are known."""
    order = np.argsort(-drawn.truth.traces.max(axis=1) * np.sqrt(np.diff(drawn.truth.footprints.indptr)))
    known = drawn.truth[order[2:]]
    nothing = Model.nothing(drawn.movie)
    present = replace(nothing, A=replace(drawn, truth=known).A, C=torch.from_numpy(known.traces), score=torch.ones(len(known)))
    seeds = SEEDER(drawn.movie, present, DIAMETER, RUNTIME)
    alike = cosines(seeds, drawn.truth[order[:2]])
    assert alike.max(axis=0).min() > 0.7
    assert cosines(seeds, known)[alike.max(axis=1) < 0.3].max(initial=0) < 0.8


def test_where_all_are_rejected_there_are_none_and_a_note_says_so(drawn):
    strict = SeedsCleansing(NeuralEnhancing(), classifier=SeedClassifier(threshold=1 - 1e-9))
    assert not len(strict(drawn.movie, Model.nothing(drawn.movie), DIAMETER, RUNTIME))
    (note,) = strict.doubts({})
    assert "0 after classifier" in note and "none was left after classifier" in note and "seeder.cleansing.classifier=null" in note
    high = SeedsCleansing(None, pooling=RandomMaxPooling(least=1e6))
    assert not len(high(drawn.movie, Model.nothing(drawn.movie), DIAMETER, RUNTIME))
    assert "seeder.cleansing.pooling.least" in high.doubts({})[0]


def test_what_the_classifier_cannot_judge_is_refused_before_any_work(drawn):
    short = replace(drawn.movie, V=drawn.movie.V[:, :90].contiguous())
    with pytest.raises(UserError, match=r"traces of 90 frames at 10 Hz last 9 s, less than the 10 s"):
        SEEDER(short, Model.nothing(short), DIAMETER, RUNTIME)
    slow = replace(drawn.movie, rate=0.5)
    with pytest.raises(UserError, match=r"traces at 0\.5 Hz are too slow"):
        SEEDER(slow, Model.nothing(slow), DIAMETER, RUNTIME)
    assert len(replace(SEEDER, classifier=None)(short, Model.nothing(short), DIAMETER, RUNTIME))


def test_the_noise_of_a_cell_is_that_of_its_matched_filter():
    y, x = np.mgrid[-20:21, -20:21]
    cell = np.exp(-4 * np.log(2) * (y**2 + x**2) / 49)
    assert noise_of_a_cell(7.0) == pytest.approx(1 / np.linalg.norm(cell), rel=1e-3)


def test_where_it_saw_cells_is_told_step_by_step(drawn):
    seeder = SeedsCleansing(NeuralEnhancing())
    seeds = seeder(drawn.movie, Model.nothing(drawn.movie), DIAMETER, RUNTIME)
    told = places("cleansing", seeder, seeds)
    assert list(told) == ["cleansing: pooling", "cleansing: prominence", "cleansing: classifier", "cleansing: merging"]
    inside = drawn.truth.footprints.tocsr()[told["cleansing: merging"]]
    assert np.diff(inside.indptr).min() > 0 and len(np.unique(inside.indices)) == len(drawn.truth)
    assert f"{len(told['cleansing: pooling'])} by pooling" in seeder.doubts({})[0]


def test_a_seeder_without_steps_is_told_by_the_brightest_pixels(drawn):
    found = places("given", lambda *_: drawn.truth, drawn.truth)
    assert list(found) == ["given"] and np.array_equal(found["given"], drawn.truth.footprints.toarray().argmax(axis=0))
