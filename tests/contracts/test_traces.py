"""What every reader of traces must do."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from conftest import Toy
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.pipeline import assemble
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.signals import Signals
from detectnmf.sparse import SparseMatrix

GROUP = "traces"


@pytest.fixture(scope="module")
def demixed(movie: Compressed, toy: Toy) -> DemixResult:
    """The toy's true cells as they stand in the compressed movie."""
    std = movie.std.ravel()
    A = SparseMatrix(sparse.csr_array(sparse.diags_array(1 / std) @ toy.truth.footprints))
    b = (toy.baseline - movie.mean.ravel()) / std
    model = Model(A, torch.from_numpy(toy.truth.traces), torch.from_numpy(b.astype(np.float32)), torch.zeros_like(movie.V), torch.ones(4))
    return assemble(movie, model, np.arange(4))


def test_one_row_for_each_cell_and_nothing_changed(part, demixed, toy, runtime):
    before = demixed.cells.traces.copy()
    signals = part(demixed, runtime)
    assert np.array_equal(demixed.cells.traces, before)
    if signals is None:
        return
    assert isinstance(signals, Signals) and len(signals) == 4
    for name in ("raw", "baseline", "dff", "denoised", "spikes"):
        values = getattr(signals, name)
        assert values.shape == (4, 300) and values.dtype == np.float32 and np.isfinite(values).all(), name
    assert signals.noise.shape == signals.flag.shape == (4,) and signals.g.shape[0] == 4 and signals.valid.shape == (300,)
    assert signals.denoised.min() >= 0 and signals.spikes.min() >= 0
    np.testing.assert_allclose(np.median(signals.baseline), toy.baseline, rtol=0.05)
    agreement = [np.corrcoef(one, other)[0, 1] for one, other in zip(signals.denoised, toy.truth.traces, strict=True)]
    assert min(agreement) > 0.97


def test_no_cells(part, demixed, runtime):
    nobody = DemixResult(Components.empty(demixed.cells.size, 300), demixed.baseline, demixed.background, demixed.movie, rate=10.0)
    signals = part(nobody, Runtime(device="cpu", quiet=True))
    assert signals is None or len(signals) == 0


def test_the_same_again(part, demixed, runtime):
    first, second = part(demixed, runtime), part(demixed, runtime)
    if first is not None:
        assert all(np.array_equal(getattr(first, field.name), getattr(second, field.name)) for field in fields(Signals)[:-1])
