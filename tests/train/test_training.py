"""A very short training writes a checkpoint that a run can load, and its card."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from simulators import simulator

from detectnmf.compress.pmd import PMD
from detectnmf.detect.checkpoint import load_network
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparsen.fast import Fast
from detectnmf.train.examples import Labels
from detectnmf.train.training import Training

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)


def short(**knobs: object) -> Training:
    small = {"steps": 3, "batch": 4, "workers": 0, "validation": 1, "every": 3, "per_patch": 4, "per_movie": 12}
    return Training(ranges={"snr": (10.0, 14.0)}, labels=Labels(), **{**small, **knobs})


@pytest.mark.filterwarnings("ignore")  # Lightning's own advice on loaders and loggers
def test_three_steps(tmp_path: Path) -> None:
    sim = simulator(frames=150, size=[64, 64], cells=6, snr=12.0)
    out = short()(sim, PMD(), Fast(decay=0.5), tmp_path / "mine", QUIET)
    assert out == tmp_path / "mine.safetensors"
    network, card = load_network(out, 0.5, torch.device("cpu"))
    assert not network.training
    assert card["steps_done"] == 3 and card["ranges"] == {"snr": [10.0, 14.0]}
    page = (tmp_path / "mine.md").read_text()
    assert "| confidence | precision | recall | F1 |" in page and "TwoPhoton" in page


@pytest.mark.filterwarnings("ignore")
def test_a_dot_in_the_name_stays(tmp_path: Path) -> None:
    sim = simulator(frames=150, size=[64, 64], cells=6, snr=12.0)
    assert short()(sim, PMD(), Fast(decay=0.5), tmp_path / "na0.5", QUIET) == tmp_path / "na0.5.safetensors"
    assert {"na0.5.safetensors", "na0.5.md"} <= {path.name for path in tmp_path.iterdir()}


def test_senseless_knobs_are_refused() -> None:
    with pytest.raises(UserError, match=r"training\.batch must be at least 1, got 0"):
        short(batch=0)


def test_an_unwritable_place_is_refused_before_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        short()(simulator(), PMD(), Fast(), tmp_path / "file" / "x", QUIET)


def test_movies_without_cells_are_refused(tmp_path: Path) -> None:
    sim = simulator(frames=100, size=[48, 48], cells=0)
    with pytest.raises(UserError, match="no cell can be seen"):
        Training(ranges={}, labels=Labels(), steps=1, workers=0, validation=1)(sim, PMD(), Fast(), tmp_path / "x", QUIET)
