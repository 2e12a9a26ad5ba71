"""What every background model must do."""

from __future__ import annotations

import torch

from detectnmf.demix.model import Model

GROUP = "background"


def test_a_movie_in_the_same_space_with_mean_zero(part, movie, runtime):
    background = part(movie, Model.nothing(movie), 5.0, runtime)
    assert background.shape == movie.V.shape and bool(torch.isfinite(background).all())
    assert float((movie.U @ background.mean(1)).abs().max()) < 1e-3


def test_drawn_cells_are_not_background(part, movie, runtime):
    background = movie.U @ part(movie, Model.nothing(movie), 5.0, runtime)
    assert float(background.square().sum()) < 0.1 * float((movie.U @ movie.V).square().sum())


def test_nothing_stays_nothing(part, nothing, runtime):
    assert part(nothing, Model.nothing(nothing), 5.0, runtime).shape == (0, 120)
