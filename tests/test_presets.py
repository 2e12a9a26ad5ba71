"""The published methods by one word: each runs on the same movie and ends with the same kind of result."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import Toy
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

import detectnmf
from detectnmf.errors import UserError
from detectnmf.judge.evaluate import evaluate
from detectnmf.recording import Recording
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.signals import WORDS
from detectnmf.tasks.run import build_pipeline

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)
METHODS = {
    "fast": ["preset=fast"],
    "fast, uncompressed": ["preset=fast", "compress=none"],
    "cnmf": ["preset=cnmf"],
    "cnmf, uncompressed": ["preset=cnmf", "compress=none"],
}


def pipeline(*overrides):
    """The very pipeline that the command line builds."""
    with initialize_config_module("detectnmf.configs", version_base="1.3"):
        config = compose("run", overrides=list(overrides))
    return build_pipeline(SimpleNamespace(config=config, build=lambda part: instantiate(config[part], _convert_="all")))


@pytest.mark.parametrize("method", METHODS)
def test_it_ends_with_cells_traces_and_a_file(method, toy: Toy, tmp_path) -> None:
    result = pipeline(*METHODS[method])(toy.recording, QUIET, diameter=5.0)
    true = DemixResult(toy.truth, np.full(toy.truth.size, toy.baseline), result.background, rate=10.0)
    scores = evaluate(result, true)
    assert scores.strict.recall == 1 and scores.false_positives <= 1
    assert scores.trace_correlation > 0.97
    assert np.allclose(result.cells.footprints.max(axis=0).toarray(), 1)
    assert result.signals is not None and len(result.signals) == len(result.cells) >= 4
    result.save(tmp_path / "result.h5")
    again = detectnmf.load(tmp_path / "result.h5")
    assert all(np.array_equal(getattr(again.signals, name), getattr(result.signals, name)) for name in WORDS)
    assert set(again.quality) == set(result.quality) and len(again.history["objective"]) == len(result.history["cells"])
    explained = again.baseline + (again.cells.footprints @ again.cells.traces).T.reshape(toy.recording.shape) + again.background[:]
    assert np.std(explained - toy.recording[:]) < 1.1 * toy.noise


@pytest.mark.parametrize("method", ["fast", "cnmf"])
def test_a_movie_below_zero_is_no_trouble(method, toy: Toy) -> None:
    below = Recording(toy.recording[:] - 1000, rate=10.0, name="below")
    result = pipeline(*METHODS[method])(below, QUIET, diameter=5.0)
    assert 3 <= len(result.cells) <= 5 and set(result.signals.flag) == {"low_baseline"}
    assert any("dF/F is not to be trusted" in note for note in result.provenance["notes"])


@pytest.mark.parametrize("method", ["fast", "cnmf", "fast, uncompressed"])
def test_without_variance_it_says_so(method) -> None:
    with pytest.raises(UserError, match="all 600 pixels are constant or missing"):
        pipeline(*METHODS[method])(Recording(np.full((50, 20, 30), 7.0, np.float32), name="flat"), QUIET, diameter=5.0)


@pytest.mark.parametrize("method", ["fast", "cnmf", "fast, uncompressed", "cnmf, uncompressed"])
def test_noise_has_no_cells_and_the_result_is_valid(method, tmp_path) -> None:
    noise = Recording(np.random.default_rng(0).normal(50, 2, (300, 30, 32)).astype(np.float32), rate=10.0)
    result = pipeline(*METHODS[method])(noise, QUIET, diameter=6.0)
    assert len(result.cells) == 0 and result.cells.traces.shape == (0, 300)
    result.save(tmp_path / "result.h5")
    assert len(detectnmf.load(tmp_path / "result.h5").cells) == 0


@pytest.mark.parametrize("words", [["preset=fast"], ["preset=cnmf"], ["preset=cnmf", "traces=rise"]])
def test_a_very_short_movie_is_no_crash(words, toy: Toy) -> None:
    """Twelve frames: too few for means over frames, and for most of what an autoregression needs."""
    result = pipeline(*words)(Recording(toy.recording[15:27], rate=10.0), QUIET, diameter=5.0)
    assert result.cells.traces.shape[1] == 12 and result.signals is not None


def test_given_centres_are_where_the_cells_are(toy: Toy, tmp_path) -> None:
    np.savetxt(tmp_path / "mine.csv", toy.truth.centers[[0, 3]], delimiter=",", header="row,column", comments="")
    result = pipeline("preset=fast", f"seeder.centres.file={tmp_path / 'mine.csv'}")(toy.recording, QUIET, diameter=5.0)
    distance = np.hypot(*(result.cells.centers[:, None] - toy.truth.centers[[0, 3]]).transpose(2, 0, 1))
    assert sorted(distance.argmin(axis=1).tolist()) == [0, 1] and distance.min(axis=1).max() < 1.5


def test_dendrites_across_the_field_are_kept(toy: Toy) -> None:
    """Two crossing lines, one of them in two parts; the command of docs/cnmf.md."""
    rng = np.random.default_rng(0)
    images = np.zeros((2, 32, 40), np.float32)
    images[0, 10:12, 2:16], images[0, 10:12, 24:38], images[1, 3:30, 29:31] = 1, 1, 1
    decay = np.exp(-np.arange(60) / 8)
    traces = np.stack([np.convolve(10 * (rng.random(500) < 0.02), decay)[:500] for _ in images]).astype(np.float32)
    movie = 100 + np.einsum("kyx,kt->tyx", images, traces) + rng.standard_normal((500, 32, 40))
    words = ["seeder=dendrites", "seeder.dendrites.most=5", "demix.reach_diameters=null", "judge.fdr=1", "judge.min_probability=0"]
    result = pipeline("preset=cnmf", *words)(Recording(movie.astype(np.float32), rate=10.0), QUIET, diameter=6.0)
    found = result.cells.images().reshape(len(result.cells), -1)
    flat = images.reshape(2, -1)
    cosine = flat @ found.T / np.outer(np.linalg.norm(flat, axis=1), np.linalg.norm(found, axis=1))
    assert (cosine.max(axis=1) > 0.9).all()
    for one, partner in zip(traces, cosine.argmax(axis=1), strict=True):
        assert np.corrcoef(one, result.cells.traces[partner])[0, 1] > 0.97
