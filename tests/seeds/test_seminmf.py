"""The updates of semi-NMF against the paper's formula, and footprints from seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toys import toy

from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.foreground import foreground
from detectnmf.seeds.seminmf import SemiNMF, space, time

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def test_updates_are_those_of_ding_li_and_jordan():
    rng = np.random.default_rng(0)
    z, s = rng.standard_normal((6, 40)), rng.random(40) + 0.1
    r = z @ s / (s @ s)
    wanted, gram = r @ z, np.array([[r @ r]])
    plus, minus = (np.abs(wanted) + wanted) / 2, (np.abs(wanted) - wanted) / 2
    gram_plus, gram_minus = (np.abs(gram) + gram)[0, 0] / 2, (np.abs(gram) - gram)[0, 0] / 2
    expected = s * np.sqrt((plus + s * gram_minus) / (minus + s * gram_plus))
    z_, s_ = torch.from_numpy(z), torch.from_numpy(s)
    assert space(z_, s_).numpy() == pytest.approx(r)
    assert time(z_, space(z_, s_), s_).numpy() == pytest.approx(expected)


def test_the_misfit_never_rises_and_a_product_is_found_again():
    rng = np.random.default_rng(1)
    true_r, true_s = rng.random(12), rng.random(80)
    z = torch.from_numpy(np.outer(true_r, true_s))
    s = torch.from_numpy(rng.random(80) + 0.1)
    last = np.inf
    for _ in range(100):
        r = space(z, s)
        s = time(z, r, s)
        misfit = float((z - torch.outer(r, s)).norm())
        assert misfit <= last + 1e-9
        last = misfit
    r = space(z, s).numpy()
    assert r @ true_r / np.linalg.norm(r) / np.linalg.norm(true_r) > 0.9999


def test_footprints_are_those_that_were_drawn():
    drawn = toy(size=(40, 40), frames=500, cells=4, diameter=9.0, seed=3)
    above = foreground(drawn.movie, Model.nothing(drawn.movie), None, 9.0, RUNTIME)
    seeds = np.asarray(drawn.truth.footprints.argmax(axis=0)).ravel()
    found = SemiNMF()(above, seeds, 9.0, RUNTIME).toarray()
    true = drawn.truth.footprints.toarray()
    cosine = (found * true).sum(axis=0) / np.linalg.norm(found, axis=0) / np.linalg.norm(true, axis=0)
    assert cosine.min() > 0.9 and found.min() >= 0


def test_no_seeds_give_no_footprints():
    drawn = toy(size=(20, 20), frames=100, cells=1, diameter=6.0)
    above = foreground(drawn.movie, Model.nothing(drawn.movie), None, 6.0, RUNTIME)
    assert SemiNMF()(above, np.zeros(0, int), 6.0, RUNTIME).shape == (400, 0)


@pytest.mark.parametrize(("wrong", "says"), [({"similarity": 1.0}, "between 0 and 1"), ({"iterations": 0}, "at least 1")])
def test_senseless_values_are_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        SemiNMF(**wrong)
