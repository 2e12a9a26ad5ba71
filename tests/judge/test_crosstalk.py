"""Crosstalk of toys whose leakage is known."""

import numpy as np
import pytest
import torch
from scipy import optimize, sparse

from detectnmf.judge.crosstalk import crosstalk, explained, touching
from detectnmf.judge.quality import Judge

FRAMES = 400


def waves(count):
    """(K, T) centred, orthogonal, all of one energy."""
    t = np.arange(FRAMES) / FRAMES
    return np.stack([np.sin(2 * np.pi * (k + 1) * t) for k in range(count)])


def found(raw, C, graph):
    raw, C = (torch.as_tensor(np.atleast_2d(x), dtype=torch.float32) for x in (raw, C))
    return crosstalk(raw, np.arange(len(raw)), C, sparse.csr_array(np.asarray(graph, float)))


def test_neighbours_touch_side_by_side_and_at_corners(toys):
    footprints = sparse.csc_array(toys.boxes([(0, 0), (0, 6), (6, 12), (0, 19)]).reshape(4, -1).T)
    near = touching(footprints, toys.size).toarray() > 0
    assert near.tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("leak", [0.0, 0.3, 1.0, 3.0])
def test_share_of_a_leak(leak):
    """c1 + λ c2 with orthogonal c1, c2 of one energy: λ² / (1 + λ²)."""
    c = waves(2)
    mixed = np.stack([c[0] + leak * c[1] + 7, c[1] - 3])  # offsets do not count
    shares = found(mixed, mixed, [[0, 1], [1, 0]])
    assert shares[0] == pytest.approx(leak**2 / (1 + leak**2), abs=1e-5)
    assert shares[1] == pytest.approx(leak**2 / (1 + leak**2), abs=1e-5)  # the same correlation, seen from the other side


def test_leaks_of_two_neighbours_add_up_and_strangers_do_not_count():
    c = waves(4)
    mixed = c[0] + 0.5 * c[1] + 0.2 * c[2] + 0.9 * c[3]
    graph = np.zeros((4, 4))
    graph[0, 1:3] = 1  # the fourth does not touch
    whole = 1 + 0.5**2 + 0.2**2 + 0.9**2
    shares = found(mixed, np.stack([mixed, *c[1:]]), graph)
    assert shares.tolist() == pytest.approx([(0.5**2 + 0.2**2) / whole], abs=1e-5)


def test_a_mixture_of_its_neighbours_is_all_crosstalk():
    c = waves(3)
    assert found(0.4 * c[1] + 0.7 * c[2], c, [[0, 1, 1], [0, 0, 0], [0, 0, 0]])[0] == pytest.approx(1, abs=1e-5)


def test_light_is_not_taken_away():
    """A trace that falls when the neighbour's rises holds none of its light."""
    c = waves(2)
    assert found(c[0] - 0.8 * c[1], np.stack([c[0], c[1]]), [[0, 1], [1, 0]])[0] == pytest.approx(0, abs=1e-6)


def test_constant_traces_and_twins():
    c = waves(2)
    alone = np.stack([np.full(FRAMES, 4.0), c[0]])
    assert found(alone, alone, [[0, 1], [1, 0]]).tolist() == [0, 0]
    twins = np.stack([c[0], c[1], c[1]])  # a singular Gram matrix
    assert found(c[0] + c[1], twins, [[0, 1, 1], [0, 0, 0], [0, 0, 0]])[0] == pytest.approx(0.5, abs=1e-4)


def test_explained_energy_equals_scipys_nnls(rng):
    for _ in range(5):
        traces, target = rng.normal(size=(6, 40)), rng.normal(size=40)
        shares, left = optimize.nnls(traces.T, target)
        assert explained(traces @ traces.T, traces @ target) == pytest.approx(target @ target - left**2, abs=1e-8)
        assert (shares == 0).any()


def test_the_judge_sees_a_leak_that_the_model_left_in_the_movie(toys, quiet):
    """The neighbour's footprint is cut off where it lies under the cell: its light comes back with the residual."""
    c = 10 + 5 * waves(2)
    true = toys.boxes([(0, 0), (0, 3)]).reshape(2, -1).T  # half of each under the other
    movie = toys.movie(true, c)
    cut = true * (1 - true[:, [0]] * [0, 1])  # the second ends where the first begins
    model = toys.model(movie, cut, c)
    judged = Judge()(movie, model, 6.8, quiet)
    # raw trace of the first: c1 + c2 · (18 shared px / 36)
    assert judged.quality["crosstalk"][0] == pytest.approx(0.25 / 1.25, abs=1e-4)
    assert judged.quality["crosstalk"][1] == pytest.approx(0, abs=1e-4)
    clean = Judge()(movie, toys.model(movie, true, c), 6.8, quiet)
    assert clean.quality["crosstalk"].tolist() == pytest.approx([0, 0], abs=1e-4)
