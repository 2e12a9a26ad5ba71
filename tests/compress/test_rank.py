"""Roughness against closed forms; the rank stops before the first component that fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.compress.rank import Thresholds, spatial_roughness, temporal_roughness, thresholds


def test_temporal_roughness_of_a_sine_and_of_noise() -> None:
    t = torch.arange(4000, dtype=torch.float64)
    omega = 2 * np.pi / 20
    sine = torch.sin(omega * t)
    assert float(temporal_roughness(sine)) == pytest.approx((2 - 2 * np.cos(omega)) ** 2, rel=1e-2)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(200_000))
    assert float(temporal_roughness(noise)) == pytest.approx(6, rel=0.02)
    assert float(temporal_roughness(torch.zeros(50))) == np.inf


def test_spatial_roughness_of_noise_and_of_a_ramp() -> None:
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((400, 400)))
    assert float(spatial_roughness(noise)) == pytest.approx(np.sqrt(2), rel=0.01)
    ramp = torch.ones(20, 20)
    assert float(spatial_roughness(ramp)) == 0


def test_rank_stops_before_the_first_failure() -> None:
    limits = Thresholds(time=5.0, space=1.0, certain=1.0)
    temporal = torch.tensor([[2.0, 2.0, 5.5, 2.0], [5.5, 0.1, 0.1, 0.1], [0.5, 0.5, 2.0, 2.0]])
    spatial = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [3.0, 0.5, 3.0, 0.5]])
    assert limits.count(temporal, spatial).tolist() == [2, 0, 2]


def test_thresholds_lie_below_white_noise_and_are_cached() -> None:
    first = thresholds((16, 16), 300, 20, 5.0)
    assert thresholds((16, 16), 300, 20, 5.0) is first
    assert first.certain < first.time < 6
    assert first.space < np.sqrt(2)
