"""From weighted directions to bases: rotations that separate, orthonormal columns, what adds nothing left out."""

from __future__ import annotations

import numpy as np
import torch

from detectnmf.compress.basis import front, orthonormal, rotation


def spots() -> torch.Tensor:
    """(1, 400, 3) three Gaussian spots that hardly overlap, of different energies."""
    rows, columns = np.mgrid[:20, :20]
    places = ((4, 5), (14, 6), (10, 15))
    images = [k * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 8) for k, (r, c) in zip((1.0, 3.0, 9.0), places, strict=True)]
    return torch.from_numpy(np.stack([i.ravel() for i in images], -1)[None].astype(np.float32))


def test_mixed_spots_are_turned_back_into_single_ones() -> None:
    clean = spots()
    mix = torch.linalg.qr(torch.from_numpy(np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)))[0]
    mixed = clean @ mix
    turn = rotation(mixed)
    assert torch.allclose(turn.mT @ turn, torch.eye(3), atol=1e-4)
    unit = torch.nn.functional.normalize
    cosine = (unit(mixed @ turn, dim=1).mT @ unit(clean, dim=1)).abs()[0]
    assert cosine.amax(0).min() > 0.99


def test_orthonormal_columns_span_the_same_and_repeats_are_left_out() -> None:
    clean = spots()
    twice = torch.cat([clean, 2 * clean[..., :1] + 1e-3 * clean[..., 1:2], torch.zeros(1, 400, 1)], dim=-1)
    Q = orthonormal(twice)
    used = Q.square().sum(1)[0] > 0
    assert used.tolist() == [True, True, True, False, False]
    Q = Q[0][:, used]
    assert torch.allclose(Q.T @ Q, torch.eye(3), atol=1e-4)
    assert torch.allclose(Q @ (Q.T @ clean[0]), clean[0], atol=1e-3)


def test_the_good_ones_come_first_in_their_order() -> None:
    directions = torch.arange(8.0).reshape(2, 1, 4)
    good = torch.tensor([[False, True, False, True], [True, False, False, False]])
    assert front(directions, good).tolist() == [[[1, 3]], [[4, 5]]]
