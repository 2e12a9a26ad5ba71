"""`SparseMatrix` equals the dense product on either device, and leaves its argument alone."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from detectnmf.sparse import LARGE, SMALL, SparseMatrix, Structure, dense_rows


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


def test_large_products_equal_dense_ones(device: str) -> None:
    rng = np.random.default_rng(1)
    matrix = sparse.random_array((900, 80), density=0.1, rng=rng, dtype=np.float32)
    right = rng.standard_normal((80, 400)).astype(np.float32)
    assert matrix.nnz * right.shape[1] > LARGE
    product = SparseMatrix(matrix, device) @ torch.from_numpy(right).to(device)
    assert np.allclose(product.cpu(), matrix.toarray() @ right, atol=1e-4)


def test_dense_rows_are_the_matrix_where_they_hold_anything() -> None:
    matrix = sparse.random_array((40, 30), density=0.05, format="csr", rng=np.random.default_rng(2), dtype=np.float32)
    rows = np.array([7, 3, 30, 3])
    columns, values = dense_rows(matrix, rows)
    assert columns.tolist() == np.flatnonzero(matrix.toarray()[rows].any(axis=0)).tolist()
    assert np.array_equal(values, matrix.toarray()[rows][:, columns])
    columns, values = dense_rows(matrix, np.zeros(0, np.int64))
    assert len(columns) == 0 and values.shape == (0, 0)


def test_no_components(device: str) -> None:
    empty = SparseMatrix(sparse.csr_array((12, 0)), device)
    product = empty @ torch.zeros((0, 5), device=device)
    assert product.shape == (12, 5) and float(product.abs().sum()) == 0


def test_the_argument_is_not_changed() -> None:
    given = sparse.csr_array((np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    SparseMatrix(given)
    assert given.indices.tolist() == [1, 0] and given.data.tolist() == [1.0, 2.0]
    assert given.toarray().tolist() == [[2.0, 1.0]]


def test_a_structure_is_filled_again_and_again(device: str) -> None:
    """Small ones are dense inside, large ones are not; both equal dense products, also those of a vector."""
    rng = np.random.default_rng(3)
    for shape in ((6, 9), (300, 200)):
        matrix = sparse.random_array(shape, density=0.1, format="csr", rng=rng, dtype=np.float32)
        made = Structure(matrix.indptr, matrix.indices, shape[1], device)
        right = torch.from_numpy(rng.standard_normal((shape[1], 4)).astype(np.float32)).to(device)
        for factor in (1, 3):
            filled = made.filled(factor * torch.from_numpy(matrix.data).to(device))
            assert np.allclose((filled @ right).cpu(), factor * (matrix.toarray() @ right.cpu().numpy()), atol=1e-4)
            assert np.allclose(
                (filled @ right[:, 0].contiguous()).cpu(), factor * (matrix.toarray() @ right[:, 0].cpu().numpy()), atol=1e-4
            )
    assert 6 * 9 <= SMALL < 300 * 200
