"""Training of the seed classifier: sheets, sequences, a user's own traces, a few steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from simulators import simulator

from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.classify import SeedClassifier
from detectnmf.seeds.lstm import load_events
from detectnmf.seeds.windows import PEAK, RATE
from detectnmf.train.classifier import ClassifierTraining
from detectnmf.train.labelled import LabelledTraces
from detectnmf.train.nuisances import ALONE, OF_CELLS, SIZES, nuisances
from detectnmf.train.ranges import Ranges
from detectnmf.train.sequences import Cutting, SequenceStream
from detectnmf.train.sheets import Sheet, SheetSource, events, noise
from detectnmf.train.verdicts import Judged, balanced_accuracy, best_threshold, expected_error

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)
FIRING = {"events": (0.1, 0.2)}


def source(**knobs: object) -> SheetSource:
    return SheetSource(simulator(), Ranges({"rate": (10.0, 30.0)}), firing=FIRING, traces=12, **knobs)  # type: ignore[arg-type]


def training(**knobs: object) -> ClassifierTraining:
    small = {"steps": 3, "batch": 12, "hidden": 6, "validation": 2, "test": 2, "every": 3}
    return ClassifierTraining({"rate": (8.0, 20.0)}, FIRING, Cutting(), **{**small, **knobs})  # type: ignore[arg-type]


def test_a_sheet_is_the_same_again_and_its_snr_is_what_it_says() -> None:
    one, other = source()(3), source()(3)
    assert (one.traces == other.traces).all() and one.traces[0, 0] != source(seed=1)(3).traces[0, 0]
    plain = source(disturbed=0.0, shot=0.0)(4)
    assert plain.cell.sum() == 6 and not plain.snr[6:].any()
    for clean, snr in zip(plain.clean[plain.cell], plain.snr[plain.cell], strict=True):
        height = np.median(clean[events(clean)]) / np.sqrt(max(1.0, plain.rate / RATE))  # noise at 10 Hz is that much less
        assert height == pytest.approx(snr, rel=0.25)


def test_noise_is_blind_to_drift_and_blips() -> None:
    rng = np.random.default_rng(0)
    trace = 2.0 * rng.standard_normal((1, 2000)) + np.linspace(0, 300, 2000)
    trace[0, ::97] += 80
    assert noise(trace, 10.0)[0] == pytest.approx(2.0, rel=0.06)


@pytest.mark.parametrize("name", SIZES)
def test_each_nuisance_is_finite_and_of_unit_size(name: str) -> None:
    rng = np.random.default_rng(0)
    model = simulator().activity
    made = ALONE[name](8, 400, 15.0, rng) if name in ALONE else OF_CELLS[name](8, 400, 15.0, rng, model)
    assert made.shape == (8, 400) and np.isfinite(made).all() and made.any()
    assert abs(made).max() < 12


def test_nuisances_come_as_often_as_asked() -> None:
    rng = np.random.default_rng(0)
    assert not nuisances(20, 300, 15.0, simulator().activity, 0.0, rng).any()
    assert nuisances(20, 300, 15.0, simulator().activity, 1.0, rng).any(axis=1).all()


def test_positive_windows_are_aligned_to_a_peak_and_negative_ones_hold_none() -> None:
    rng = np.random.default_rng(0)
    clean = np.zeros((2, 600), np.float32)
    clean[0, 300:] = 50 * np.exp(-np.arange(300) / 10)
    spikes = np.zeros((2, 600), np.uint16)
    spikes[0, 300] = 1
    sheet = Sheet(clean + rng.standard_normal(clean.shape).astype(np.float32), 10.0, clean, spikes, clean.any(axis=1), np.array([50.0, 0]))
    cutting = Cutting(jitter=3, each=40)
    for _ in range(5):
        found = cutting(sheet, rng)
        for window, label in zip(found.windows, found.labels, strict=True):
            top = int(window.argmax())
            if label:
                assert abs(top - PEAK) <= 3 and window[top] > 30
            elif window[top] - window.median() > 30:
                assert top - PEAK > cutting.after or PEAK - top > cutting.before
    assert found.labels.sum() == 1 and (found.labels == 0).sum() > 40


@pytest.mark.filterwarnings("ignore")  # Lightning's own advice on loaders and loggers
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_three_steps_are_the_same_again(cell: str, tmp_path: Path) -> None:
    """Weights, card, page and picture; and the classifier takes it."""
    pair = []
    for name in ("a", "b"):
        out = training(cell=cell)(simulator(), None, None, None, tmp_path / name, QUIET)  # type: ignore[arg-type]
        pair.append(load_events(out, torch.device("cpu")))
    (one, card), (other, _) = pair
    assert all(torch.equal(x, y) for x, y in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    assert card["network"]["cell"] == cell and card["ranges"] == {"rate": [8.0, 20.0]}
    assert "| SNR | cells |" in (tmp_path / "a.md").read_text() and (tmp_path / "a.png").stat().st_size > 1e4
    assert len(SeedClassifier(str(tmp_path / "a.safetensors"))(np.random.default_rng(0).standard_normal((2, 200)), 10.0, QUIET).keep) == 2


@pytest.mark.filterwarnings("ignore")
def test_a_training_that_was_killed_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at the sixth step, with the state of the fourth: weights, scores and calibration are those of one that was left alone."""
    sheet = source()(0)
    np.savez(tmp_path / "own.npz", traces=sheet.traces, rate=sheet.rate, labels=sheet.cell)
    knobs = {"steps": 7, "every": 2, "window": 2, "drawn": 3, "traces": tmp_path / "own.npz"}

    def train(name: str, **more: object) -> Path:
        return training(**knobs, **more)(simulator(), None, None, None, tmp_path / name, QUIET)  # type: ignore[arg-type]

    whole = SequenceStream.__iter__

    def killed(stream: SequenceStream) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for at, batch in enumerate(whole(stream)):
            if at == 5:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(SequenceStream, "__iter__", killed)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            train("cut")
    state = tmp_path / "cut.training" / "state.ckpt"
    assert torch.load(state, weights_only=True)["global_step"] == 4 and not (tmp_path / "cut.safetensors").exists()
    with pytest.raises(UserError, match="holds an unfinished training with other settings"):
        train("cut", batch=9)
    (one, card), (other, again) = (load_events(train(name), torch.device("cpu")) for name in ("cut", "left"))
    assert all(torch.equal(x, y) for x, y in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    assert [row["step"] for row in card["history"]] == [2, 4, 6, 7]
    assert {**card, "seconds": 0} == {**again, "seconds": 0} and not state.exists()


@pytest.mark.filterwarnings("ignore")
def test_a_users_own_traces(tmp_path: Path) -> None:
    sheet = source()(0)
    rows, frames = np.nonzero(sheet.spikes)
    np.savez(tmp_path / "spikes.npz", traces=sheet.traces, rate=sheet.rate, spikes=np.stack([rows, (frames + 0.5) / sheet.rate], axis=1))
    np.savez(tmp_path / "labels.npz", traces=sheet.traces, rate=sheet.rate, labels=sheet.cell)
    for name in ("spikes", "labels"):
        own = LabelledTraces(tmp_path / f"{name}.npz")(0)
        assert own.cell.sum() == sheet.cell.sum()
        cut = Cutting()(own, np.random.default_rng(0))
        assert 0 < cut.labels.sum() < len(cut.labels)
    out = training(traces=tmp_path / "labels.npz", share=0.5)(simulator(), None, None, None, tmp_path / "own", QUIET)  # type: ignore[arg-type]
    assert "a user's own traces (labels.npz)" in out.with_suffix(".md").read_text()


def test_a_file_without_labels_is_refused_before_work(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", traces=np.zeros((2, 400)), rate=10.0)
    with pytest.raises(UserError, match=r"must hold traces \(K, T\), rate \(Hz\), and labels \(K,\) or spikes"):
        training(traces=tmp_path / "x.npz")(simulator(), None, None, None, tmp_path / "out", QUIET)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("knobs", "said"), [({"steps": 0}, r"training\.steps must be at least 1"), ({"snr": (0, 3)}, r"training\.snr must be")]
)
def test_senseless_knobs_are_refused(knobs: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        training(**knobs)


def test_the_best_threshold_is_that_of_a_search() -> None:
    rng = np.random.default_rng(0)
    cell = rng.random(200) < 0.4
    value = rng.standard_normal(200) + 1.5 * cell
    judged = Judged(value, cell, np.where(cell, 5.0, 0.0), np.full(200, 600))
    best = max(balanced_accuracy(value >= t, cell) for t in np.linspace(-4, 5, 4001))
    assert balanced_accuracy(value >= best_threshold(judged), cell) == pytest.approx(best, abs=0.006)


def test_expected_error_of_a_known_case() -> None:
    """Says 0.8 where it is 0.6, and 0.1 where it is 0.4; with four times as many of one kind it is the same."""
    probability = np.repeat([0.8, 0.1], [10, 10])
    positive = np.array([1] * 6 + [0] * 4 + [1] * 4 + [0] * 6, bool)
    assert expected_error(probability, positive) == pytest.approx(0.5 * 0.2 + 0.5 * 0.3)
    more = np.concatenate([np.arange(20), *[np.flatnonzero(positive)] * 3])
    assert expected_error(probability[more], positive[more]) == pytest.approx(0.25)
