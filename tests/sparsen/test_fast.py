"""The fast sparsener against its formula and against known events."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.compress.pmd import PMD
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.sparsen.fast import Fast, backward_difference, soft_threshold

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)


def test_a_pure_decay_becomes_its_spikes() -> None:
    rate, decay = 20.0, 0.7
    g = np.exp(-1 / (rate * decay))
    spikes = np.zeros(200)
    spikes[[30, 90, 95]] = [1.0, 2.0, 0.5]
    calcium = np.zeros(200)
    for t in range(1, 200):
        calcium[t] = g * calcium[t - 1] + spikes[t]
    found = backward_difference(torch.from_numpy(calcium)[None], decay, rate)[0]
    assert np.allclose(found.numpy(), spikes, atol=1e-9)


def test_soft_threshold_is_the_stated_percentile() -> None:
    traces = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 400)))
    positive = traces.clamp(min=0)
    level = torch.sort(positive, dim=1).values[:, 379:380]
    assert torch.allclose(soft_threshold(traces, 95.0), (positive - level).clamp(min=0))
    assert torch.equal(soft_threshold(traces, 0.0), positive)


def test_frames_of_two_overlapping_cells_show_one_at_a_time() -> None:
    """At a cell's event the sparsened frame looks like that cell, though the movie's frame shows both."""
    rng = np.random.default_rng(2)
    rows, columns = np.mgrid[:32, :40]
    shapes = [np.exp(-((rows - 16) ** 2 + (columns - c) ** 2) / (2 * 3.5**2)) for c in (17, 23)]
    g = np.exp(-1 / (15 * 1.5))
    traces = np.zeros((2, 500))
    events = [np.arange(10, 480, 29), np.arange(22, 480, 33)]
    for trace, at in zip(traces, events, strict=True):
        for t in range(1, 500):
            trace[t] = g * trace[t - 1] + (t in at)
    clean = 20 * np.einsum("kyx,kt->tyx", np.array(shapes), traces)
    movie = PMD()(Recording((clean + rng.standard_normal(clean.shape)).astype(np.float32), rate=15.0), QUIET)
    clear = Fast(decay=1.5, percentile=0.0)(movie, QUIET)
    everything = np.concatenate(events)
    raw, sparse = [], []
    for k in (0, 1):
        for t in events[k]:
            if np.abs(everything - t).min(where=everything != t, initial=99) > 3:
                raw.append(_other(clean[t], shapes, k))
                sparse.append(_other(clear[int(t)] - clear.mean, shapes, k))
    assert np.median(raw) > 0.15
    assert np.median(sparse) < 0.05


def test_memory_does_not_change_the_answer() -> None:
    movie = PMD()(Recording(np.random.default_rng(0).normal(0, 1, (200, 24, 24)).cumsum(0).astype(np.float32)), QUIET)
    small = Runtime(device="cpu", max_memory=0.0005, quiet=True)
    assert torch.allclose(Fast()(movie, QUIET).V, Fast()(movie, small).V, atol=1e-4)


@pytest.mark.parametrize("knobs", [{"decay": 0.0}, {"decay": -1.0}, {"percentile": 100.0}])
def test_senseless_knobs_are_refused(knobs: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"must be"):
        Fast(**knobs)


def _other(frame: np.ndarray, shapes: list[np.ndarray], cell: int) -> float:
    """How bright the other cell is in a frame, relative to this one."""
    level = np.linalg.lstsq(np.reshape(shapes, (2, -1)).T, frame.ravel(), rcond=None)[0]
    return float(abs(level[1 - cell]) / level[cell])
