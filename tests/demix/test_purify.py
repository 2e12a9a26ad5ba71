"""Leaks of a known size are taken out, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from toys import traces

from detectnmf.demix.purify import leaks, purify

FRAMES = 2000

EVERYWHERE = (1, 10_000), np.inf  # pixels in one row, at any distance


@pytest.fixture
def pair():
    """Two independent traces, and nested footprints (9, 2)."""
    c = torch.from_numpy(traces(2, FRAMES, np.random.default_rng(0), rate=0.008))
    a = np.zeros((9, 2), np.float32)
    a[:, 0], a[3:6, 1] = 1, 1
    return c, sparse.csc_array(a)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_a_leak_is_measured_and_taken_out(pair, share):
    c, a = pair
    noise = 0.1 * torch.from_numpy(np.random.default_rng(1).standard_normal((2, FRAMES)).astype(np.float32))
    mixed = c + noise
    mixed[1] += share * c[0]
    level = torch.full((2,), 0.1)
    found = leaks(mixed, level, np.array([1, 0]), np.array([0, 1]), 0.1)
    assert found[0] == pytest.approx(share, abs=0.06) and found[1] == pytest.approx(0, abs=0.03)
    pure = purify(a, mixed, level, 0.1, 0.01, *EVERYWHERE)
    assert pure.pairs == 1
    assert np.corrcoef(pure.C[1], c[1])[0, 1] > 0.98
    assert np.allclose(pure.footprints @ pure.C.numpy(), a @ mixed.numpy(), atol=1e-4)  # the movie is explained as before


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_trace_that_falls_when_a_neighbour_is_active_gets_back_what_its_neighbour_holds(pair, share):
    """a_0 holds some of a_1, so that c_1 falls with c_0; in a single event, even."""
    c, a = pair
    c[0, 400:], c[1, :400] = 0, 0
    held = sparse.csc_array(a + share * np.stack([a[:, [1]].toarray()[:, 0], np.zeros(9)], axis=1).astype(np.float32))
    fallen = c + 0.1 * torch.from_numpy(np.random.default_rng(1).standard_normal((2, FRAMES)).astype(np.float32))
    fallen[1] -= share * c[0]
    pure = purify(held, fallen, torch.full((2,), 0.1), 0.1, 1e-4, *EVERYWHERE)
    assert pure.pairs == 1
    assert np.abs(pure.footprints.toarray() - a.toarray()).max() < 0.05
    assert np.corrcoef(pure.C[1], c[1])[0, 1] > 0.98


def test_a_footprint_that_does_not_hold_another_is_not_to_blame(pair):
    c, a = pair
    fallen = c.clone()
    fallen[0] -= 0.5 * c[1]  # but a_1 lies within a_0, and holds a ninth of it
    assert purify(a, fallen, torch.full((2,), 0.1), 0.1, 1e-4, *EVERYWHERE).pairs == 0


def test_cells_that_often_fire_together_keep_their_traces(pair):
    c, a = pair
    both = c.clone()
    both[1] += 0.5 * torch.from_numpy(traces(1, FRAMES, np.random.default_rng(5), rate=0.008))[0]
    both[0, FRAMES // 2 :] += both[1, FRAMES // 2 :]  # together for half of the time
    assert purify(a, both, torch.full((2,), 0.05), 0.1, 0.05, *EVERYWHERE).pairs == 0


def test_few_events_tell_nothing(pair):
    c, a = pair
    once = torch.zeros_like(c)
    once[0, 100:140] = once[1, 100:140] = 5.0
    assert purify(a, once, torch.full((2,), 0.05), 0.1, 0.05, *EVERYWHERE).pairs == 0


def test_cells_apart_are_left_alone():
    c = torch.from_numpy(traces(1, FRAMES, np.random.default_rng(0), rate=0.008)).repeat(2, 1)
    assert purify(sparse.csc_array(np.eye(4, 2, dtype=np.float32)), c, torch.full((2,), 0.05), 0.1, 0.05, *EVERYWHERE).pairs == 0


def test_a_giver_gets_nothing_beyond_its_reach(pair):
    c = pair[0]
    mixed = c.clone()
    mixed[1] += 0.5 * c[0]
    wide = np.zeros((30, 2), np.float32)
    wide[:9, 0], wide[6:30, 1] = 1, 1  # the taker goes on where the giver is not
    pure = purify(sparse.csc_array(wide), mixed, torch.full((2,), 0.05), 0.1, 0.01, (1, 30), 8.0)
    assert pure.pairs == 1 and np.corrcoef(pure.C[1], c[1])[0, 1] > 0.98
    assert np.allclose(pure.footprints[:, [0]].toarray()[:, 0], [*[1] * 6, *[1.5] * 3, *[0.5] * 4, *[0] * 17], atol=0.05)
