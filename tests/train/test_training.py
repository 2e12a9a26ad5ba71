"""A very short training writes a checkpoint that a run can load, and its card."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import lightning
import pytest
import torch
from simulators import simulator

from detectnmf.compress.pmd import PMD
from detectnmf.detect.checkpoint import load_network
from detectnmf.enhance.none import NoEnhancing
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulator
from detectnmf.sparsen.fast import Fast
from detectnmf.train.examples import Example, Labels
from detectnmf.train.learner import Learner, cosine, running_mean
from detectnmf.train.output import Unfinished
from detectnmf.train.stream import Stream
from detectnmf.train.training import Training

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)


def short(**knobs: object) -> Training:
    small = {"steps": 4, "batch": 4, "workers": 0, "validation": 1, "test": 1, "scored": 10, "every": 2, "looks": 2, "per_movie": 12}
    return Training(**{"ranges": {"snr": (10.0, 14.0)}, "labels": Labels(), **small, "drawn": 3, "window": 2, **knobs})


def small(**knobs: object) -> Simulator:
    return simulator(**{"frames": 150, "size": [64, 64], "cells": 6, "snr": 12.0, **knobs})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's own advice on loaders and loggers
        return short()(small(), PMD(), Fast(decay=0.5), NoEnhancing(), tmp_path_factory.mktemp("trained") / "na0.5", QUIET)


def test_four_steps(trained: Path) -> None:
    assert trained.name == "na0.5.safetensors"  # a dot in the name stays
    network, card = load_network(trained, 0.5, torch.device("cpu"))
    assert not network.training
    assert card["steps_done"] in (2, 4) and card["kinds"]["movie"]["ranges"] == {"snr": [10.0, 14.0]}
    assert {"ap50", "ece", "by_density", "by_snr"} <= set(card["test"]) and set(card["calibration"]) == {"slope", "offset"}
    page = trained.with_suffix(".md").read_text()
    assert "| confidence | precision | recall | F1 |" in page and "TwoPhoton" in page
    assert trained.with_suffix(".png").stat().st_size > 1000
    progress = trained.with_name("na0.5.training")
    assert {path.name for path in progress.iterdir()} == {"best.safetensors", "log", "step-000002.png", "step-000004.png"}


@pytest.mark.filterwarnings("ignore")
def test_a_training_that_was_killed_ends_as_if_it_had_not_been(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "na0.5"
    whole = Stream.__iter__

    def killed(stream: Stream) -> Iterator[list[Example]]:
        for at, batch in enumerate(whole(stream)):
            if at == 3:
                raise KeyboardInterrupt
            yield batch

    seen: list[tuple[int, int]] = []
    save = Unfinished.save

    def noted(unfinished: Unfinished, trainer: lightning.Trainer) -> None:
        learner = trainer.lightning_module
        assert isinstance(learner, Learner)
        seen.append((trainer.global_step, int(learner.averaged.n_averaged)))
        save(unfinished, trainer)

    monkeypatch.setattr(Unfinished, "save", noted)
    with monkeypatch.context() as patch:
        patch.setattr(Stream, "__iter__", killed)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            short()(small(), PMD(), Fast(decay=0.5), NoEnhancing(), out, QUIET)
    assert (tmp_path / "na0.5.training" / "state.ckpt").exists() and not (tmp_path / "na0.5.safetensors").exists()
    with pytest.raises(UserError, match="holds an unfinished training with other settings"):
        short(batch=5)(small(), PMD(), Fast(decay=0.5), NoEnhancing(), out, QUIET)
    short()(small(), PMD(), Fast(decay=0.5), NoEnhancing(), out, QUIET)
    one, other = (load_network(path, 0.5, torch.device("cpu"))[0].state_dict() for path in (trained, tmp_path / "na0.5.safetensors"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert seen == [(2, 2), (4, 4)]  # the running mean has followed each step when it is looked at, and after going on


def test_the_rate_rises_and_falls() -> None:
    share = cosine(200)
    assert share(0) == pytest.approx(0.1) and share(9) == share(10) == 1.0
    assert share(105) == pytest.approx(0.505) and share(200) == pytest.approx(0.01)


def test_the_mean_follows_quickly_at_first() -> None:
    mean, update = torch.zeros(1), running_mean(0.9)
    update([mean], [torch.ones(1)], 0)
    assert float(mean) == pytest.approx(0.9)  # a tenth of what it was
    update([mean], [torch.zeros(1)], 1000)
    assert float(mean) == pytest.approx(0.81)


def test_senseless_knobs_are_refused() -> None:
    with pytest.raises(UserError, match=r"training\.jitter is a factor of 1 \(none\) or more, got 0"):
        short(jitter=0)
    with pytest.raises(UserError, match=r"training\.batch must be at least 1, got 0"):
        short(batch=0)


def test_an_unwritable_place_is_refused_before_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        short()(simulator(), PMD(), Fast(), NoEnhancing(), tmp_path / "file" / "x", QUIET)


def test_movies_without_cells_are_refused(tmp_path: Path) -> None:
    sim = simulator(frames=100, size=[48, 48], cells=0)
    with pytest.raises(UserError, match="no cell can be seen"):
        Training(ranges={}, labels=Labels(), steps=1, workers=0, validation=1, scored=5)(
            sim, PMD(), Fast(), NoEnhancing(), tmp_path / "x", QUIET
        )
