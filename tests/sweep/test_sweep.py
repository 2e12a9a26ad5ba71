"""One knob, many values; and a movie in which nothing happens."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from happenings import happen
from PIL import Image

from detectnmf.background.none import NoBackground
from detectnmf.compress.means import LocalMeans
from detectnmf.demix.seminmf import SparseSemiNMF
from detectnmf.errors import UserError
from detectnmf.events.keep import KeepEvents
from detectnmf.events.signed import SignedEvents
from detectnmf.pipeline import Pipeline
from detectnmf.runtime import Runtime
from detectnmf.seeds.pockets import Pockets
from detectnmf.sweep.base import Found, Sweep, ascending
from detectnmf.sweep.null import null_movie, phases_randomised
from detectnmf.sweep.run import sweep
from detectnmf.traces.none import NoReading

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)


def pipeline(alpha):
    parts = LocalMeans(edge=8.0), {"pockets": Pockets()}, SparseSemiNMF(alpha=alpha), NoBackground(), KeepEvents()
    return Pipeline(*parts, traces=NoReading(), events=SignedEvents())


@pytest.fixture(scope="module")
def happening():
    return happen(QUIET)


@pytest.mark.parametrize("frames", [101, 100])
def test_random_phases_keep_spectra_and_correlations(frames):
    rng = np.random.default_rng(0)
    shared = np.cumsum(rng.standard_normal(frames))
    V = torch.tensor(np.stack([shared, shared + rng.standard_normal(frames), rng.standard_normal(frames) + 3]))
    null = phases_randomised(V, rng)
    assert not torch.allclose(V, null, atol=0.1)
    assert torch.allclose(torch.fft.rfft(V).abs(), torch.fft.rfft(null).abs(), atol=1e-6)
    assert torch.allclose(V @ V.T, null @ null.T, atol=1e-6)
    assert torch.allclose(V.mean(1), null.mean(1))


def test_nothing_happens_in_the_null(happening):
    result = pipeline(4.0)(happening.recording, QUIET, 20.0)
    null = null_movie(result, np.random.default_rng(1))
    assert float(null.V.std()) == pytest.approx(1.0, rel=0.05), "the noise is the recording's"
    assert float(result.movie.V.std()) > 1.1
    assert len(result.events) == 3


def test_counts_and_expected_false(happening):
    found = sweep(pipeline, "demix.alpha", [60.0, 4.0, 10.0], happening.recording, QUIET, 20.0, chosen=4.0)
    assert found.values == (4.0, 10.0, 60.0) and found.what == "events"
    assert [one.count for one in found.found] == [3, 3, 0] and [one.false for one in found.found] == [0, 0, 0]
    assert found.suggested() == 10.0
    assert found.csv().splitlines()[1:] == ["4,3,0,0", "10,3,0,0", "60,0,0,"]


def test_expected_false_cells_are_the_judges(happening):
    """Where there are no events the probabilities count."""

    class Sure:
        def __call__(self, movie, model, diameter, runtime):
            judged = KeepEvents()(movie, model, diameter, runtime)
            return SimpleNamespace(keep=judged.keep, quality={**judged.quality, "probability": np.full(len(judged.keep), 0.75)})

    def build(alpha):
        parts = LocalMeans(edge=8.0), {"pockets": Pockets()}, SparseSemiNMF(alpha=alpha), NoBackground(), Sure()
        return Pipeline(*parts, traces=NoReading())

    found = sweep(build, "demix.alpha", [4.0, 60.0], happening.recording, QUIET, 20.0)
    assert found.what == "cells" and found.found[0].count >= 3 and found.found[1] == Found(0, 0)
    assert found.found[0].false == pytest.approx(0.25 * found.found[0].count)


def test_a_suggestion_keeps_false_ones_few():
    found = Sweep("a", (1.0, 2.0, 3.0), (Found(90, 30), Found(60, 5), Found(50, 1)), "events", "")
    assert found.suggested() == 2.0 and found.suggested(0.02) == 3.0 and found.suggested(0.001) is None


def test_picture(tmp_path):
    found = Sweep("demix.alpha", (1.0, 4.0, 16.0), (Found(90, 30), Found(60, 5), Found(0, 0)), "events", "null", 4.0)
    found.draw(tmp_path / "sweep.png")
    with Image.open(tmp_path / "sweep.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ((0x0F, 0x76, 0x6E), (0xB4, 0x47, 0x2E)):  # both curves are there
        assert (np.abs(pixels - colour).max(axis=1) < 12).sum() > 200


def test_one_value_is_no_sweep():
    with pytest.raises(UserError, match="needs two values at least"):
        ascending([3.0, 3.0])
