"""Noise and resting level of traces that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.traces.levels import noise_level, resting_level


def course(rate, frames=3000, seed=0):
    """(T,) decaying transients of height 5 to 15, `rate` per frame."""
    rng = np.random.default_rng(seed)
    spikes = (rng.random(frames) < rate) * rng.uniform(5, 15, frames)
    return np.convolve(spikes, np.exp(-np.arange(60) / 10))[:frames]


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.03])
@pytest.mark.parametrize("sign", [1, -1])
def test_rest_is_found_under_events(rate, sign):
    noise = np.random.default_rng(1).standard_normal(3000)
    trace = torch.from_numpy((7 + sign * course(rate) + noise).astype(np.float32))[None]
    assert noise_level(trace).item() == pytest.approx(1, rel=0.1)
    level = resting_level(trace, torch.ones(1), signed=sign < 0).item()
    assert level == pytest.approx(7, abs={0.002: 0.1, 0.01: 0.25, 0.03: 0.8}[rate])  # at 0.03 a cell rests in a fifth of the frames


def test_a_trace_that_falls_now_and_then_rests_where_most_frames_are():
    noise = np.random.default_rng(1).standard_normal(3000)
    trace = torch.from_numpy((40 - 3 * course(0.003) + 2 * course(0.002, seed=3) + noise).astype(np.float32))[None]
    assert resting_level(trace, torch.ones(1)).item() == pytest.approx(40, abs=0.3)


def test_rest_of_noise_alone_is_its_mean_and_of_a_constant_itself():
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 5000)).astype(np.float32))
    assert resting_level(noise, torch.ones(1)).item() == pytest.approx(0, abs=0.05)
    assert resting_level(torch.full((1, 20), 3.0), torch.zeros(1)).item() == 3.0


@pytest.mark.parametrize("noise", [0.1, 1, 3, 10])
def test_noise_is_blind_to_transients(noise):
    trace = noise * np.random.default_rng(2).standard_normal(20000) + 0.5 * course(0.01, 20000)
    assert noise_level(torch.as_tensor(trace)[None]).item() == pytest.approx(noise, rel=0.06)


def test_bright_transients_do_not_raise_the_noise():
    """At forty times the noise, one frame in a hundred begins a transient; the plain median is 3 % too high."""
    rng = np.random.default_rng(4)
    spikes = 40.0 * (rng.random((20, 10_000)) < 0.01)
    kernel = 0.9 ** np.arange(100)
    traces = np.stack([np.convolve(one, kernel)[:10_000] for one in spikes]) + rng.standard_normal(spikes.shape)
    assert noise_level(torch.from_numpy(traces)).mean().item() == pytest.approx(1, abs=0.015)


def test_noise_of_too_few_frames_is_zero():
    assert noise_level(torch.rand(2, 2)).tolist() == [0, 0]
