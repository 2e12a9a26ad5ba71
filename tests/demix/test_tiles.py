"""Products at a sparse pattern against dense ones, for thin patterns and for those that are taken in tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from detectnmf.demix.tiles import THIN, Tiles


def band(rows: int, width: int) -> sparse.csr_array:
    """(rows, rows) with about so many entries around the diagonal of each row, and one column that every row holds."""
    near = np.abs(np.subtract.outer(np.arange(rows), np.arange(rows))) < width
    near[:, 5] = True
    return sparse.csr_array(near.astype(np.float32))


@pytest.mark.parametrize(("width", "thin"), [(1, True), (12, False)])
def test_both_ways_equal_dense_products(width, thin) -> None:
    pattern, rng = band(150, width), np.random.default_rng(0)
    tiles = Tiles.of(pattern)
    assert tiles.thin == thin == (pattern.nnz <= THIN * 150)
    X, Y = (torch.from_numpy(rng.standard_normal((150, 300)).astype(np.float32)) for _ in range(2))
    at = pattern.nonzero()
    for dtype in (torch.float32, torch.float64):
        assert np.allclose(tiles.sample(X, Y, dtype), (X @ Y.T).numpy()[at], atol=1e-3)
    values = torch.from_numpy(rng.standard_normal(pattern.nnz).astype(np.float32))
    filled = sparse.csr_array((values.numpy(), pattern.indices, pattern.indptr), shape=pattern.shape)
    assert np.allclose(tiles.multiply(values, X), filled.toarray().T @ X.numpy(), atol=1e-3)


def test_rows_in_any_order_are_found_again() -> None:
    """A graph whose rows are shuffled, larger than two tiles."""
    order = np.random.default_rng(1).permutation(200)
    graph = sparse.csr_array(band(200, 8).maximum(band(200, 8).T)[order][:, order])
    graph.sort_indices()
    X = torch.from_numpy(np.random.default_rng(2).standard_normal((200, 50)).astype(np.float32))
    assert np.allclose(Tiles.of_graph(graph).sample(X, X, torch.float64), (X @ X.T).numpy()[graph.nonzero()], atol=1e-4)
