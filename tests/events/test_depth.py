"""The depth of an event is a share of the light, whatever noise is left in the movie and whatever else goes on in the field."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.events.signed import SignedEvents
from detectnmf.result import DemixResult

SIZE, FRAMES, LIGHT, DEPTH = (48, 48), 120, 100.0, -0.2


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def scene(rng, noise, wave=0.0):
    """A disc that loses a fifth of its light for 20 s, some noise, and the whole field going up and down, which the background knows."""
    rows, columns = np.indices(SIZE)
    inside = ((rows - 24) ** 2 + (columns - 24) ** 2 <= 100).astype(np.float32)
    course = np.zeros(FRAMES, np.float32)
    course[50:70] = DEPTH * LIGHT
    swing = wave * LIGHT * np.sin(np.arange(FRAMES) / FRAMES * 8 * np.pi)
    whole = np.ones(SIZE).ravel()
    U = sparse.csr_array(np.column_stack([inside.ravel(), whole, noise * rng.standard_normal((inside.size, 40))]))
    V = np.vstack([course, swing, rng.standard_normal((40, FRAMES)) / 40**0.5]).astype(np.float32)
    mean = np.full(SIZE, LIGHT)
    movie = Compressed.from_factors(U, V, mean, rate=1.0, pixel_size=1.0)
    other = np.zeros_like(V)
    other[1] = swing
    cells = Components.from_images(inside[None], course[None])
    return DemixResult(cells, mean.astype(np.float32), movie.with_V(movie.V.new_tensor(other)), movie=movie)


@pytest.mark.parametrize("noise", [0.01, 0.1, 1.0, 3.0])
def test_noise_that_is_left_does_not_change_the_depth(noise, rng, quiet):
    events = SignedEvents()(scene(rng, noise), quiet)
    assert len(events) == 1
    assert events.depth[0] == pytest.approx(DEPTH, abs=0.03)


def test_what_the_background_holds_is_no_part_of_an_event(rng, quiet):
    result = scene(rng, 0.3, wave=0.15)
    events = SignedEvents()(result, quiet)
    assert events.depth[0] == pytest.approx(DEPTH, abs=0.03)
    blind = SignedEvents()(replace(result, background=result.background.with_V(0 * result.background.V)), quiet)
    assert abs(blind.depth[0] - DEPTH) > 0.05
