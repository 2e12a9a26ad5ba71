"""Randomised max-pooling against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.foreground import Foreground
from detectnmf.seeds.pooling import STREAM, RandomMaxPooling
from detectnmf.sparse import SparseMatrix

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def dense(frames):
    """Frames (T, Y, X) as they are."""
    pixels = frames[0].size
    V = torch.from_numpy(frames.reshape(len(frames), -1).T.astype(np.float32).copy())
    return Foreground(SparseMatrix(sparse.eye_array(pixels)), V, torch.zeros(pixels), np.ones(pixels, bool), frames.shape[1:], 10.0)


def test_maxima_are_those_over_the_chosen_frames():
    frames = np.random.default_rng(0).standard_normal((600, 6, 7))
    found = RandomMaxPooling(rounds=4, share=0.25).maxima(dense(frames), RUNTIME)
    rng = RUNTIME.rng(STREAM)
    for image in found.reshape(-1, 6, 7):
        assert image == pytest.approx(frames[rng.choice(600, 150, replace=False)].max(axis=0), abs=1e-6)


def test_all_local_maxima_of_all_choices_together():
    frames = np.random.default_rng(1).random((50, 9, 11)) + 1
    pooling = RandomMaxPooling(rounds=3, share=0.2, spacing_diameters=0.1)
    expected = set()
    for image in pooling.maxima(dense(frames), RUNTIME).reshape(-1, 9, 11):
        for y, x in np.ndindex(9, 11):
            if image[y, x] == image[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].max():
                expected.add(11 * y + x)
    assert set(pooling(dense(frames), 5.0, RUNTIME).tolist()) == expected


def test_a_cell_beside_a_brighter_one_has_a_seed_in_some_choice():
    """In the maximum over all frames it is a shoulder only."""
    y, x = np.mgrid[:24, :24]
    cells = [height * np.exp(-((y - 12) ** 2 + (x - column) ** 2) / 18) for height, column in ((30, 9), (10, 13))]
    on = np.random.default_rng(2).random((400, 2)) < (0.03, 0.2)
    above = dense(np.einsum("tk,kyx->tyx", on, cells) + 0.01)
    everything = RandomMaxPooling(rounds=1, share=1.0)(above, 8.0, RUNTIME)
    some = RandomMaxPooling(rounds=20, share=0.05)(above, 8.0, RUNTIME)
    assert 12 * 24 + 13 not in everything and {12 * 24 + 9, 12 * 24 + 13} <= set(some.tolist())


def test_the_seed_decides():
    above = dense(np.random.default_rng(3).random((200, 10, 10)))
    one, again, other = (RandomMaxPooling(rounds=2)(above, 5.0, Runtime(device="cpu", seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


@pytest.mark.parametrize(("wrong", "says"), [({"rounds": 0}, "rounds must be at least 1"), ({"share": 1.5}, "share is a part")])
def test_senseless_values_are_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        RandomMaxPooling(**wrong)
