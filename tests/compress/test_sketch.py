"""Running directions of all blocks against the exact singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.compress.blocks import Blocks
from detectnmf.compress.sketch import Sketch, pooled, strongest
from detectnmf.runtime import Runtime

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def low_rank(frames: int, size: tuple[int, int] = (24, 30), rank: int = 4) -> torch.Tensor:
    """(P, T) of smooth images, so that pooled pixels show them too."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    images = np.stack([gaussian_filter(rng.standard_normal(size), 3).ravel() for _ in range(rank)], -1)
    return torch.from_numpy((30 * images @ rng.standard_normal((rank, frames))).astype(np.float32))


@pytest.mark.parametrize("pool", [1, 2, 3])
@pytest.mark.parametrize("parts", [1, 7])
def test_directions_hold_all_that_is_there_but_the_mean(pool: int, parts: int) -> None:
    movie = low_rank(140) + 5
    sketch = Sketch(Blocks.cover((24, 30), 16), 8, pool, RUNTIME)
    for part in movie.chunk(parts, dim=1):
        sketch.add(part.clone())
    centred = movie - movie.mean(1, keepdim=True)
    for directions, pixels in zip(sketch.directions, sketch.index, strict=True):
        there = centred[pixels]
        gram = there @ there.T
        assert torch.allclose(directions @ directions.T, gram, atol=2e-3 * float(gram.abs().max()))


def test_noise_in_the_directions_is_that_of_one_sample() -> None:
    """Rows of the rotation are orthonormal: after many updates, white noise around a signal still has variance 1."""
    signal = low_rank(1200, rank=1)
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal(signal.shape).astype(np.float32))
    sketch = Sketch(Blocks.cover((24, 30), 16), 6, 2, RUNTIME)
    for part in (signal + noise).split(100, dim=1):
        sketch.add(part.clone())
    for directions, pixels in zip(sketch.directions, sketch.index, strict=True):
        clean = signal[pixels] - signal[pixels].mean(1, keepdim=True)
        first = directions[:, 0]
        truth = torch.linalg.svd(clean, full_matrices=False)
        expected = truth.U[:, 0] * truth.S[0]
        error = first - expected * (first @ expected).sign()
        assert float(error.square().mean()) == pytest.approx(1, abs=0.35)


def test_pooled_sums_have_the_noise_of_one_pixel() -> None:
    data = torch.arange(24.0).reshape(1, 24, 1)  # 4 x 6
    assert pooled(data, (4, 6), 1) is data
    corners = np.array([0, 2, 4, 12, 14, 16])
    assert pooled(data, (4, 6), 2)[0, :, 0].tolist() == ((4 * corners + 0 + 1 + 6 + 7) / 2).tolist()
    ragged = pooled(torch.ones(1, 15, 1), (3, 5), 2)[0, :, 0]  # groups of 4, 2 and 1 pixels
    assert torch.allclose(ragged, torch.tensor([2, 2, 2**0.5, 2**0.5, 2**0.5, 1]))


def test_strongest_agrees_with_singular_vectors_both_ways() -> None:
    for shape in ((1, 40, 12), (1, 12, 40)):
        data = torch.from_numpy(np.random.default_rng(2).standard_normal(shape).astype(np.float32))
        kept = strongest(data, data, 5)
        values = torch.linalg.svdvals(data)[0, :5]
        assert torch.allclose(kept.square().sum(1)[0].sqrt(), values, rtol=1e-4)
