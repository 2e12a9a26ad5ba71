"""A compressed movie is indexed as numpy indexes the array that it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectnmf.compressed import Compressed

WHERE: list[Any] = [
    0,
    -1,
    slice(None),
    slice(None, None, -2),
    slice(2, 2),
    np.array([3, 1]),
    (0, 1),
    (2, 1, 3),
    (0, slice(None), 1),
    (slice(0, 2), 1),
    (slice(None), slice(0, 2)),
    (slice(None), 1, slice(1, 3)),
    (np.int64(4), slice(None), slice(None, None, 2)),
]


@pytest.mark.parametrize("index", WHERE, ids=str)
def test_any_index(index: Any) -> None:
    rng = np.random.default_rng(0)
    U, V, mean = rng.normal(size=(12, 2)), rng.normal(size=(2, 7)), rng.normal(size=(3, 4))
    dense = (mean.ravel()[:, None] + U @ V).T.reshape(7, 3, 4)
    found = Compressed.from_factors(U, V, mean)[index]
    assert found.shape == dense[index].shape
    np.testing.assert_allclose(found, dense[index], atol=1e-5)
