"""The baseline at rest against the true one."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from toys import toy

from detectnmf.demix.colour import classes
from detectnmf.demix.grams import Target, baseline
from detectnmf.demix.hals import temporal
from detectnmf.demix.rest import at_rest, projected
from detectnmf.sparse import SparseMatrix


def cosine(found, truth):
    found, truth = (x - x.mean(axis=1, keepdims=True) for x in (found, truth))
    return ((found * truth).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(truth, axis=1)).mean()


def test_traces_are_as_good_as_with_the_true_baseline():
    """Faint overlapping cells: what is gained is what non-negativity gives when the baseline is known."""
    made = toy(size=(48, 48), frames=1500, cells=20, peak=2.0, seed=3)
    target, colours = Target.of(made.movie, torch.zeros_like(made.movie.V)), classes(made.truth.footprints)
    start = torch.zeros((20, 1500))
    free = temporal(target, made.A, start, colours, 100, 1e-5)
    true_b = torch.from_numpy(-made.movie.mean.ravel())  # the toy's cells rest at zero
    best = cosine(temporal(target, made.A, start, colours, 100, 1e-5, b=true_b).numpy(), made.truth.traces)
    rested = at_rest(target, made.A, free, colours)
    found = cosine(rested.C.numpy(), made.truth.traces)
    assert best > cosine(free.numpy(), made.truth.traces) + 0.01
    assert found > best - 0.002
    assert (rested.C >= 0).all() and np.abs(np.median(rested.C.numpy(), axis=1)).max() < 0.15


def test_projection_is_the_least_squares_step():
    made = toy(size=(32, 32), frames=200, cells=5, seed=1)
    target = Target.of(made.movie, torch.zeros_like(made.movie.V))
    C = torch.rand(5, 200)
    b = baseline(target, made.A, C)
    rest = (made.movie.U @ made.movie.V).numpy() - made.truth.footprints @ C.numpy() - b.numpy()[:, None]
    expected = C.numpy() + made.truth.footprints.T @ rest / np.asarray(made.truth.footprints.power(2).sum(axis=0)).ravel()[:, None]
    assert np.allclose(projected(target, made.A, C, b), expected, atol=1e-3)


def test_no_cells():
    made = toy(size=(32, 32), frames=100, cells=2)
    target = Target.of(made.movie, torch.zeros_like(made.movie.V))
    none = SparseMatrix(sparse.csr_array((1024, 0)))
    assert torch.equal(at_rest(target, none, torch.zeros((0, 100)), []).b, target.U @ target.mean)
