"""Correlation and explained variance of each cell against the dense movie."""

import numpy as np
import pytest
from scipy import sparse

from detectnmf.judge import products
from detectnmf.judge.agreement import agreement
from detectnmf.judge.tiles import tiles


@pytest.fixture
def crowd(toys, rng):
    """(movie, model): four cells of which three overlap, over a noisy background."""
    corners = [(0, 0), (0, 3), (2, 1), (10, 10)]
    A = toys.boxes(corners).reshape(4, -1).T * rng.random((800, 1)).astype(np.float32)
    basis = sparse.random_array((800, 12), density=0.2, rng=rng).toarray()
    movie = toys.movie(np.hstack([A, basis]), np.vstack([rng.random((4, 50)) * 3, rng.normal(size=(12, 50))]))
    model = toys.model(movie, A, rng.random((4, 50)) * 2 + movie.V[:4].numpy())
    return movie, type(model)(model.A, model.C, model.b, 0.3 * movie.V, model.score)


def test_equal_to_the_dense_ones(crowd, quiet):
    movie, model = crowd
    dense, A = (movie.U @ (movie.V - model.B)).numpy(), model.A.csr.toarray()
    found = agreement(movie, model, quiet)
    for cell in range(4):
        a, c = A[:, cell], model.C[cell].numpy()
        others = [k for k in range(4) if k != cell]
        mine = (dense - A[:, others] @ model.C[others].numpy())[a > 0]
        weights = a[a > 0]
        correlation = np.array([np.corrcoef(pixel, c)[0, 1] for pixel in mine])
        mine = mine - mine.mean(1, keepdims=True)
        rest = mine - np.outer(weights, c - c.mean())
        assert found.correlation[cell] == pytest.approx(weights @ correlation / weights.sum(), abs=1e-4)
        assert found.explained[cell] == pytest.approx(1 - (rest**2).sum() / (mine**2).sum(), abs=1e-4)


def test_pieces_of_time_do_not_matter(crowd, quiet, monkeypatch):
    whole = agreement(*crowd, quiet)
    monkeypatch.setattr(products, "FRAMES", 7)
    pieces = agreement(*crowd, quiet)
    np.testing.assert_allclose(pieces.correlation, whole.correlation, atol=1e-5)
    np.testing.assert_allclose(pieces.explained, whole.explained, atol=1e-5)


def test_every_cell_lies_in_one_tile(toys):
    corners = [(0, 0), (0, 30), (14, 34), (12, 0), (1, 3)]
    images = np.concatenate([toys.boxes(corners), np.zeros((1, *toys.size))])
    footprints = sparse.csc_array(images.reshape(6, -1).T)
    groups = [cells.tolist() for cells in tiles(footprints, toys.size, edge=10)]
    assert groups == [[0, 4], [1], [3], [2]]  # row by row; the empty one in none
    assert [cells.tolist() for cells in tiles(footprints, toys.size, most=1, edge=10)] == [[0], [4], [1], [3], [2]]
    assert list(tiles(sparse.csc_array((800, 0)), toys.size)) == []
