"""What stands out of a movie, and what a model leaves of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import toy

from detectnmf.demix.model import Model
from detectnmf.enhance.neural import NeuralEnhancing
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.foreground import foreground

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)
DIAMETER = 8.0


def explained(drawn):
    """A model that explains all cells."""
    nothing = Model.nothing(drawn.movie)
    return Model(drawn.A, torch.from_numpy(drawn.truth.traces), nothing.b, nothing.B, torch.ones(len(drawn.truth)))


def test_without_enhancing_it_is_the_movie_above_each_pixels_rest():
    drawn = toy(size=(32, 32), frames=300, cells=3, diameter=DIAMETER)
    above = foreground(drawn.movie, Model.nothing(drawn.movie), None, DIAMETER, RUNTIME)
    dense = drawn.movie.frames(slice(None)).numpy()
    seen = above.frames(slice(None)).numpy()
    assert seen == pytest.approx(dense - np.sort(dense, axis=1)[:, 59:60], abs=1e-4)
    assert above.traces(np.array([5, 700])).numpy() == pytest.approx(seen[[5, 700]], abs=1e-5)
    assert above[10:12] == pytest.approx(seen[:, 10:12].T.reshape(2, 32, 32), abs=1e-5)


def test_what_is_wide_goes_and_cells_stay():
    drawn = toy(size=(40, 40), frames=400, cells=4, diameter=DIAMETER, background=2.0, seed=1)
    plain, enhanced = (foreground(drawn.movie, Model.nothing(drawn.movie), e, DIAMETER, RUNTIME) for e in (None, NeuralEnhancing()))
    free = np.flatnonzero(np.diff(drawn.truth.footprints.tocsr().indptr) == 0)
    before, after = (above.traces(free).std(dim=1).mean() for above in (plain, enhanced))
    assert after < 0.25 * before
    peaks = np.asarray(drawn.truth.footprints.argmax(axis=0)).ravel()
    for trace, true in zip(enhanced.traces(peaks).numpy(), drawn.truth.traces, strict=True):
        assert np.corrcoef(trace, true)[0, 1] > 0.9


def test_what_a_model_explains_is_gone():
    drawn = toy(size=(32, 32), frames=300, cells=3, diameter=DIAMETER, seed=2)
    left = foreground(drawn.movie, explained(drawn), NeuralEnhancing(), DIAMETER, RUNTIME).frames(slice(None))
    there = foreground(drawn.movie, Model.nothing(drawn.movie), NeuralEnhancing(), DIAMETER, RUNTIME).frames(slice(None))
    assert left.max() < 0.3 * there.max()


def test_a_square_that_does_not_fit_is_refused_in_one_line():
    drawn = toy(size=(20, 40), frames=120, cells=1, diameter=DIAMETER)
    with pytest.raises(UserError, match=r"a square of 23 px .* does not fit into 20 x 40 px"):
        foreground(drawn.movie, Model.nothing(drawn.movie), NeuralEnhancing(), 15.0, RUNTIME)
