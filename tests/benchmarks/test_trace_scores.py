"""What the benchmark of traces measures with."""

from __future__ import annotations

import numpy as np
import pytest
from trace_scores import TEXTBOOK, agreement, autoregressive, estimates, exactness, simulated, spikes_of


def test_agreement_is_a_correlation_and_may_be_late():
    counts = np.array([[0, 1, 0, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0, 0]], float)
    assert agreement(3 * counts, counts) == [pytest.approx(1)]  # silent cells are left out
    assert agreement(np.roll(counts, 1, axis=1), counts, late=1) == [pytest.approx(1)]
    assert agreement(0 * counts, counts) == [0]


def test_every_way_finds_spikes():
    known = simulated("gcamp8f", 4, 300, 10.0, 0)
    found = spikes_of(known)
    assert TEXTBOOK in found and "default" in found
    assert all(spikes.shape == known.y.shape for spikes in found.values())
    assert np.mean(agreement(found["default"], known.spikes)) > 0.6


def test_estimates_and_exactness():
    found = estimates(autoregressive(20, 3000, 0.95, 0.01, 3.0, 1), 3.0, 0.95)
    assert abs(found["noise"]) < 0.02 and found["g"] < 0.02
    assert exactness(40) < 1e-6
