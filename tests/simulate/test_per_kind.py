"""Each kind of cell gets activity of its own kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from detectnmf.errors import UserError
from detectnmf.simulate.traces.base import Activity
from detectnmf.simulate.traces.calcium import Calcium
from detectnmf.simulate.traces.events import Events
from detectnmf.simulate.traces.per_kind import PerKind

BOTH = PerKind({"dip": Events(amplitude=-0.1), "surge": Events(amplitude=0.1)})


@dataclass(frozen=True)
class Level:
    """A trace that stays where it is; one spike in frame 0."""

    level: float

    def draw(self, n, frames, rate, rng):
        return Activity(np.full((n, frames), self.level, np.float32), np.eye(1, frames, dtype=np.uint16).repeat(n, axis=0))


def test_each_cell_has_its_own_kinds_activity():
    kinds = ["b", "a", "a", "b", "a"]
    activity = PerKind({"a": Level(1.0), "b": Level(2.0), "c": Level(3.0)}).for_kinds(kinds, 7, 15.0, np.random.default_rng(0))
    assert activity.traces[:, 3].tolist() == [2.0, 1.0, 1.0, 2.0, 1.0]
    assert activity.spikes.sum(axis=1).tolist() == [1] * 5


def test_signs_of_dips_and_surges():
    traces = BOTH.for_kinds(["dip", "surge"] * 20, 3000, 1.0, np.random.default_rng(0)).traces
    assert (traces[::2] <= 0).all() and (traces[1::2] >= 0).all()
    assert (np.abs(traces).max(axis=1) > 0.01).all()


def test_without_kinds_there_are_as_many_of_each():
    traces = BOTH.draw(101, 5000, 1.0, np.random.default_rng(1)).traces
    dips = (traces.min(axis=1) < 0).tolist()
    assert sum(dips) in (50, 51)
    assert dips != sorted(dips) and dips != sorted(dips, reverse=True)  # in random order


def test_changing_one_kind_leaves_the_others():
    kinds = ["dip", "surge"] * 5
    other = PerKind({"dip": Events(amplitude=-0.1, events=0.01), "surge": BOTH.models["surge"]})
    one, two = (model.for_kinds(kinds, 2000, 1.0, np.random.default_rng(2)).traces for model in (BOTH, other))
    assert np.array_equal(one[1::2], two[1::2]) and not np.array_equal(one[::2], two[::2])


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match=r"^activity\.models has no kind 'soma', [^\n]* 'dip', 'surge'$"):
        BOTH.for_kinds(["dip", "soma"], 10, 1.0, np.random.default_rng(0))


def test_an_error_says_whose_it_is():
    model = PerKind({"fast": Calcium(decay=0.1), "slow": Calcium()})
    with pytest.raises(UserError, match=r"^activity\.models\.fast: activity\.decay = 0\.1 s is shorter than a frame"):
        model.draw(4, 10, 5.0, np.random.default_rng(0))


@pytest.mark.parametrize("models", [{}, {"dip": 3.0}])
def test_impossible_models(models):
    with pytest.raises(UserError, match=r"^activity\.models[^\n]+$"):
        PerKind(models)
