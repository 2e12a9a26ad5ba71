"""What every sparsener must do."""

from __future__ import annotations

import numpy as np
from conftest import EVENTS

GROUP = "sparsen"


def test_same_bases_and_most_of_the_light_at_onsets(part, movie, toy, runtime):
    clear = part(movie, runtime)
    assert clear.U is movie.U and clear.V.shape == movie.V.shape
    cell = toy.truth.footprints[:, [toy["A"]]].toarray().ravel() > 0
    course = clear.frames(slice(None)).numpy()[cell].mean(0).clip(min=0)
    onsets = [t + late for t in EVENTS["A"] for late in (-1, 0, 1)]
    assert course[onsets].sum() > 0.8 * course.sum()


def test_nothing_stays_nothing(part, nothing, runtime):
    assert part(nothing, runtime).V.shape == (0, 120)


def test_the_same_again(part, movie, runtime):
    assert np.array_equal(part(movie, runtime).V.numpy(), part(movie, runtime).V.numpy())
