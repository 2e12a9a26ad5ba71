"""Traces at 10 Hz in units of noise, cut into windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.errors import UserError
from detectnmf.seeds.windows import LENGTH, PEAK, check_traces, cut, in_noise, resample, shape, starts


@pytest.mark.parametrize("rate", [3.0, 7.3, 10.0, 15.5, 30.03, 60.1])
def test_a_slow_sine_stays_as_it_is(rate: float) -> None:
    time = np.arange(int(60 * rate)) / rate
    slow = resample(np.sin(2 * np.pi * 0.3 * time)[None].astype(np.float32), rate)
    wanted = np.sin(2 * np.pi * 0.3 * np.arange(slow.shape[1]) / 10)
    inside = slice(20, -20)  # the filter knows nothing beyond the ends
    assert abs(slow[0] - wanted)[inside].max() < 1e-2
    assert abs(slow.shape[1] - 600) <= 1


def test_what_is_too_fast_goes_and_does_not_come_back_as_something_slow() -> None:
    time = np.arange(1800) / 30
    slow = resample(np.sin(2 * np.pi * 9.0 * time)[None].astype(np.float32), 30.0)
    assert abs(slow[0, 20:-20]).max() < 1e-2  # else a wave of 1 Hz


@pytest.mark.parametrize("rate", [5.0, 10.0, 30.0])
def test_noise_has_unit_size_whatever_unit_offset_and_rate(rate: float) -> None:
    rng = np.random.default_rng(0)
    traces = 1e4 + np.array([[0.01], [1.0], [500.0]]) * rng.standard_normal((3, int(120 * rate)))
    assert in_noise(traces, rate).std(dim=1).numpy() == pytest.approx(np.ones(3), abs=0.12)


def test_a_constant_trace_is_zero_throughout() -> None:
    assert not in_noise(np.full((2, 300), 7.0, np.float32), 30.0).any()


@pytest.mark.parametrize("stride", [1, 3, 7])
def test_windows_are_those_of_a_loop(stride: int) -> None:
    traces = torch.arange(2 * 131, dtype=torch.float32).reshape(2, 131)
    begin = starts(131, stride)
    windows = cut(traces, stride)
    assert windows.shape == (2, len(begin), LENGTH)
    for w, first in enumerate(begin):
        assert torch.equal(windows[:, w], traces[:, first : first + LENGTH])
    assert begin[-1] + LENGTH == 131


def test_the_network_sees_neither_offset_nor_where_the_window_was_cut() -> None:
    windows = torch.randn(4, LENGTH, generator=torch.Generator().manual_seed(0))
    seen = shape(windows)
    assert torch.allclose(seen, shape(windows + 30), atol=1e-4)
    assert seen[0, PEAK, 1] == 0 and seen[0, 0, 1] == -1


@pytest.mark.parametrize(
    ("traces", "rate", "said"),
    [
        (np.zeros((2, 90)), 10.0, r"90 frames at 10 Hz last 9 s, less than the 10 s"),
        (np.zeros((2, 900)), None, "frame rate must be known"),
        (np.zeros((2, 900)), 0.5, r"0\.5 Hz are too slow"),
        (np.zeros(900), 10.0, r"must be \(n, T\), got \(900,\)"),
        (np.array([[np.nan] * 200, [0.0] * 200]), 10.0, r"1 of 2 traces hold NaN or infinite values \(0\)"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_one_line(traces: np.ndarray, rate: float | None, said: str) -> None:
    with pytest.raises(UserError, match=said) as found:
        check_traces(traces, rate)
    assert "\n" not in str(found.value)


def test_noise_is_at_least_what_was_recorded() -> None:
    """At 10 Hz it is less than at 40 Hz by the square root of four."""
    clean = np.sin(np.arange(1200) / 40.0)[None].astype(np.float32)
    for rate, noise in ((10.0, 0.5), (40.0, 0.25)):
        found = in_noise(clean, rate, least=0.5)
        assert float(found.max() - found.min()) == pytest.approx(2 / noise, rel=0.02)
