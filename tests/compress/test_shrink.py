"""Images freed of noise, against images whose clean version is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from detectnmf.compress.shrink import shrink


def blobs(edge: tuple[int, int] = (32, 32), count: int = 30, energy: float = 30.0) -> torch.Tensor:
    """(count, h, w) smooth images of the energy that a weak cell has: `energy` is the square root of the sum of squares."""
    rng = np.random.default_rng(2)
    images = np.zeros((count, *edge))
    for image in images:
        image[tuple(rng.integers(4, e - 4) for e in edge)] = 1
        image[:] = gaussian_filter(image, rng.uniform(2, 4))
    return torch.from_numpy((energy * images / np.sqrt((images**2).sum((1, 2), keepdims=True))).astype(np.float32))


@pytest.mark.parametrize("edge", [(32, 32), (13, 40), (6, 9)])
def test_error_falls_far_below_the_noise(edge: tuple[int, int]) -> None:
    clean = blobs(edge if min(edge) > 8 else (9, 9))
    noise = torch.from_numpy(np.random.default_rng(3).standard_normal(clean.shape).astype(np.float32))
    found = shrink(clean + noise, 2.7)
    assert float((found - clean).square().mean()) < (0.15 if min(edge) > 16 else 0.4)
    flat = float(shrink(noise, 2.7).square().mean())
    assert flat < (0.06 if min(edge) > 16 else 0.15)


def test_noiseless_images_come_back() -> None:
    clean = blobs(energy=3000.0)
    assert float((shrink(clean, 2.7) - clean).norm() / clean.norm()) < 2e-3


def test_zero_takes_nothing_away_and_one_image_does_not_depend_on_others() -> None:
    images = blobs()
    assert shrink(images, 0) is images
    assert torch.allclose(shrink(images[:1], 2.7), shrink(images, 2.7)[:1], atol=1e-5)
    assert shrink(images[:0], 2.7).shape == (0, 32, 32)
