"""How one-photon results are scored, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from miniscope import similar

from detectnmf.components import Components


def blobs(*places: tuple[int, int]) -> np.ndarray:
    y, x = np.indices((20, 30))
    return np.array([np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8) for row, column in places], np.float32)


def test_right_is_what_resembles_a_cell_in_space_and_time() -> None:
    """Of three cells one is found, one by another's trace, one not at all; one component is nowhere."""
    traces = np.random.default_rng(0).standard_normal((4, 300)).astype(np.float32)
    truth = SimpleNamespace(cells=Components.from_images(blobs((5, 5), (14, 8), (10, 24)), traces[:3]))
    found = Components.from_images(blobs((5, 5), (14, 8), (3, 17)), traces[[0, 3, 2]])
    row = similar(SimpleNamespace(cells=found), truth)  # type: ignore[arg-type]
    assert row == pytest.approx({"true": 3, "found": 3, "precision": 1 / 3, "recall": 1 / 3, "spatial": 1.0, "temporal": 1.0})


def test_nothing_found_is_no_precision_and_no_recall() -> None:
    truth = SimpleNamespace(cells=Components.from_images(blobs((5, 5)), np.random.default_rng(0).random((1, 50))))
    row = similar(SimpleNamespace(cells=Components.empty((20, 30), 50)), truth)  # type: ignore[arg-type]
    assert row["found"] == 0 and row["recall"] == 0 and np.isnan(row["precision"])
