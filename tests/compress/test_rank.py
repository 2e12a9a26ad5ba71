"""What counts as smoother than white noise: against closed forms and against white noise itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.compress.rank import Smoothness, bins, detail_energy, detail_ratio, image_correlation, lag_correlation


def white(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("frames", [16, 60, 500])
def test_scores_of_white_noise_are_standard_normal(frames: int) -> None:
    scores = [lag_correlation(white(20_000, frames))]
    if frames > 100:
        scores.append(detail_ratio(white(20_000, frames), 2))
    for score in scores:
        assert float(score.mean()) == pytest.approx(0, abs=0.06)
        assert float(score.std()) == pytest.approx(1, rel=0.04)


@pytest.mark.parametrize("edge", [4, 16])
def test_images_of_white_noise_score_standard_normal(edge: int) -> None:
    score = image_correlation(white(20_000, edge, edge))
    assert float(score.mean()) == pytest.approx(0, abs=0.03)
    assert float(score.std()) == pytest.approx(1, rel=0.03)


def test_a_sine_correlates_with_itself_as_its_frequency_says() -> None:
    n, omega = 4000, 2 * np.pi / 20
    sine = torch.sin(omega * torch.arange(n, dtype=torch.float64))
    assert float(lag_correlation(sine)) / n**0.5 == pytest.approx(np.cos(omega), abs=0.01)


def test_bins_keep_the_noise_of_one_frame() -> None:
    assert torch.equal(bins(torch.arange(7.0), 1), torch.arange(7.0))
    assert torch.allclose(bins(torch.arange(7.0), 2), torch.tensor([1.0, 5.0, 9.0]) / 2**0.5)
    assert float(detail_energy(white(200_000), 4)) == pytest.approx(1, rel=0.02)


def test_nothing_at_all_is_rough() -> None:
    for score in (lag_correlation(torch.zeros(50)), detail_ratio(torch.ones(64), 2), image_correlation(torch.zeros(8, 8))):
        assert float(score) == -torch.inf


@pytest.mark.parametrize("average", [1, 4])
def test_as_much_white_noise_passes_as_was_asked_for(average: int) -> None:
    """In time and in space alike; the several tests in time are dependent, so that a little less passes."""
    smooth = Smoothness(percentile=2.0, average=average, spread=0.0)
    in_time = float((smooth.in_time(white(20_000, 400)) > 0).float().mean())
    in_space = float((smooth.in_space(white(20_000, 12, 12)) > 0).float().mean())
    assert 0.008 < in_time < 0.026
    assert in_space == pytest.approx(0.02, abs=0.006)


@pytest.mark.parametrize(("decay", "height"), [(3.0, 1.0), (30.0, 0.4)])
def test_transients_are_smooth_at_some_scale(decay: float, height: float) -> None:
    """Fast and slow ones, each with less energy than the noise it stands in."""
    rng = np.random.default_rng(1)
    spikes = (rng.random((200, 2000)) < 0.01).astype(float)
    kernel = np.exp(-np.arange(200) / decay)
    traces = np.array([np.convolve(s, kernel)[:2000] for s in spikes])
    traces *= height / traces.std(1, keepdims=True)
    noisy = torch.from_numpy((traces + rng.standard_normal(traces.shape)).astype(np.float32))
    assert float((Smoothness(0.1, 4, 0.0).in_time(noisy) > 0).float().mean()) > 0.95


def test_certain_in_time_needs_no_image() -> None:
    smooth = Smoothness(0.1, 1, 0.0)
    V = torch.stack([torch.sin(torch.arange(400) / 20), white(400)])
    assert smooth.keeps(V, torch.full((2,), -1.0)).tolist() == [True, False]
    assert smooth.keeps(V, torch.full((2,), 1.0)).tolist() == [True, False]


def test_too_short_to_say_anything() -> None:
    assert float(Smoothness(0.1, 1, 0.0).in_time(torch.arange(5.0))) == -torch.inf
