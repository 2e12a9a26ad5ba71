"""What the network sees, against loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.compressed import Compressed
from detectnmf.detect.context import FLOOR, Views, local_correlation
from detectnmf.detect.select import select
from detectnmf.runtime import Runtime

QUIET = Runtime(device="cpu", max_memory=0.5, quiet=True)


@pytest.fixture
def movie() -> Compressed:
    rng = np.random.default_rng(1)
    temporal = np.maximum(rng.standard_normal((4, 20)), 0).astype(np.float32)
    return Compressed.from_factors(rng.random((42, 4)).astype(np.float32), temporal, np.zeros((6, 7), np.float32))


def test_frames_around(movie: Compressed) -> None:
    denoised = movie.with_V(2 * movie.V)
    selection = select(movie, 12.0, 2, QUIET)
    views = Views.of(movie, denoised, QUIET)
    shown = views.tile(selection, 0, np.array([0, 5, 19]))
    top, left = -selection.corners[0]
    inside = shown[..., top : top + 6, left : left + 7].numpy()
    whole = movie.frames(slice(None)).T.reshape(-1, 6, 7).numpy()
    for row, frames in zip(inside, ((0, 0, 1), (5, 4, 6), (19, 18, 19)), strict=True):  # the ends repeat
        assert np.allclose(row[:3], whole[list(frames)], atol=1e-5)
        assert np.allclose(row[3], 2 * whole[frames[0]], atol=1e-5)
        assert np.allclose(row[4], views.correlation.numpy())


def test_correlation_by_hand(movie: Compressed) -> None:
    found = local_correlation(movie, QUIET).numpy()
    frames = np.maximum(movie.frames(slice(None)).T.reshape(-1, 6, 7).numpy(), 0)
    spread = np.sqrt((frames**2).mean(0) + FLOOR**2)
    for y, x in ((0, 0), (2, 3), (5, 6), (0, 4)):
        near = [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy or dx) and 0 <= y + dy < 6 and 0 <= x + dx < 7]
        wanted = np.mean([(frames[:, y, x] * frames[:, *at]).mean() / spread[y, x] / spread[at] for at in near])
        assert found[y, x] == pytest.approx(wanted, abs=1e-4)
    assert torch.equal(local_correlation(movie.with_V(torch.zeros_like(movie.V)), QUIET), torch.zeros(6, 7))
