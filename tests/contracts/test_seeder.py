"""What every seeder must do."""

from __future__ import annotations

import numpy as np

from detectnmf.demix.model import Model

GROUP = "seeder"


def cosines(seeds, truth):
    """(seeds, cells) of footprints."""
    found, true = (f.toarray() / np.linalg.norm(f.toarray(), axis=0) for f in (seeds.footprints, truth.footprints))
    return found.T @ true


def test_seeds_are_cells_without_traces(part, movie, toy, runtime):
    seeds = part(movie, Model.nothing(movie), 5.0, runtime)
    assert seeds.size == toy.truth.size and seeds.traces is None
    assert seeds.footprints.data.min() >= 0
    alike = cosines(seeds, toy.truth)
    assert (alike.max(axis=0) > 0.6).sum() >= 3, "of the four drawn cells"
    assert (alike.max(axis=1) > 0.4).all(), "no seed is unlike every cell"


def test_nothing_is_found_in_noise(part, nothing, runtime):
    assert len(part(nothing, Model.nothing(nothing), 5.0, runtime)) == 0


def test_the_same_again(part, movie, runtime):
    first, second = (part(movie, Model.nothing(movie), 5.0, runtime) for _ in range(2))
    assert np.array_equal(first.footprints.toarray(), second.footprints.toarray())
    assert np.array_equal(first.score, second.score)
