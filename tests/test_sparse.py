"""`SparseMatrix` equals the dense product on either device, and leaves its argument alone."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from detectnmf.sparse import SparseMatrix


def test_products_equal_dense_ones(device: str) -> None:
    rng = np.random.default_rng(0)
    matrix = sparse.random_array((40, 30), density=0.2, rng=rng, dtype=np.float32)
    made = SparseMatrix(matrix, device)
    right = torch.from_numpy(rng.standard_normal((30, 7)).astype(np.float32)).to(device)
    left = torch.from_numpy(rng.standard_normal((40, 5)).astype(np.float32)).to(device)
    assert np.allclose((made @ right).cpu(), matrix.toarray() @ right.cpu().numpy(), atol=1e-5)
    assert np.allclose((made.T @ left).cpu(), matrix.toarray().T @ left.cpu().numpy(), atol=1e-5)
    assert np.allclose((made.rows(5, 12) @ right).cpu(), matrix.toarray()[5:12] @ right.cpu().numpy(), atol=1e-5)
    assert np.allclose((made @ right[:, 0]).cpu(), matrix.toarray() @ right[:, 0].cpu().numpy(), atol=1e-5)


def test_no_components(device: str) -> None:
    empty = SparseMatrix(sparse.csr_array((12, 0)), device)
    product = empty @ torch.zeros((0, 5), device=device)
    assert product.shape == (12, 5) and float(product.abs().sum()) == 0


def test_the_argument_is_not_changed() -> None:
    given = sparse.csr_array((np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    SparseMatrix(given)
    assert given.indices.tolist() == [1, 0] and given.data.tolist() == [1.0, 2.0]
    assert given.toarray().tolist() == [[2.0, 1.0]]
