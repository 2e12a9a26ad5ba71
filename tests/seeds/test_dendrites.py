"""Crossing lines with far parts, told apart by when they are bright; and demixed as CNMF does dendrites."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from toys import best_correlation, toy, traces

from detectnmf.background.none import NoBackground
from detectnmf.demix.cnmf import CNMF
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.dendrites import Dendrites
from detectnmf.traces.oasis import Oasis

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def branches(size=(48, 56)):
    """Six dendrites 1 to 2 px wide right across the field, some in two parts; most cross."""
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    lines = [y - 10, y - 40 + 0.2 * x, x - 12 - 0.2 * y, x - 45 + 0.3 * y, y - 0.8 * x, y - 44 + 0.9 * x]
    images = np.stack([np.exp(-(line**2) / 2) for line in lines])
    images[0][:, 20:32] = 0
    images[2][18:26] = 0
    return np.where(images > 0.1, images, 0).astype(np.float32)


@pytest.fixture(scope="module")
def made():
    """Six dendrites in noise, at 10 frames a second."""
    courses = traces(6, 800, np.random.default_rng(3), peak=8.0, decay=8.0, rate=0.02)
    return toy(images=branches(), courses=courses, size=(48, 56), frames=800, seed=3)


def cosines(footprints, truth):
    a, t = (m.toarray() / np.maximum(np.linalg.norm(m.toarray(), axis=0), 1e-12) for m in (footprints, truth.footprints))
    return (t.T @ a).max(axis=1)


@pytest.fixture(scope="module")
def seeds(made):
    return Dendrites(most=10)(made.movie, Model.nothing(made.movie), 6.0, RUNTIME)


def test_each_dendrite_is_a_seed(made, seeds):
    assert 6 <= len(seeds) <= 10
    assert (cosines(seeds.footprints, made.truth) > 0.75).all()


def test_cnmf_without_a_reach_demixes_them(made, seeds):
    """Both parts of a dendrite that is cut in two are one component; with a reach only the part around its peak is left."""
    demix = CNMF(traces=Oasis(), reach_diameters=None, growth_diameters=0.2)
    model = demix(made.movie, Model.nothing(made.movie), seeds, 6.0, RUNTIME, NoBackground()).model
    footprints = sparse.csc_array(model.A.csr)
    assert (cosines(footprints, made.truth) > 0.93).all()
    assert (best_correlation(model.C.numpy(), made.truth.traces) > 0.97).all()
    best = (made.truth.footprints[:, [0]].T @ footprints).toarray()[0].argmax()
    image = footprints[:, [best]].toarray().reshape(48, 56)
    assert image[10, 5:18].min() > 0 and image[10, 34:50].min() > 0 and not image[10, 23:29].any()
    compact = CNMF(traces=Oasis())(made.movie, Model.nothing(made.movie), seeds, 6.0, RUNTIME, NoBackground()).model
    assert np.median(cosines(sparse.csc_array(compact.A.csr), made.truth)) < 0.8


def test_a_model_with_cells_gets_no_more(made, seeds):
    import torch

    from detectnmf.sparse import SparseMatrix

    nothing = Model.nothing(made.movie)
    model = Model(SparseMatrix(made.truth.footprints), torch.from_numpy(made.truth.traces), nothing.b, nothing.B, torch.ones(6))
    assert len(Dendrites()(made.movie, model, 6.0, RUNTIME)) == 0


@pytest.mark.parametrize("knobs", [{"most": 0}, {"sparsity": -1.0}])
def test_knobs_out_of_range_are_refused(knobs):
    with pytest.raises(UserError, match=rf"seeder\.dendrites\.{next(iter(knobs))} must be"):
        Dendrites(**knobs)
