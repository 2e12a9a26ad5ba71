"""The shipped classifier on whole traces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.calibration import Calibration
from detectnmf.seeds.classify import SeedClassifier
from detectnmf.seeds.lstm import load_events
from detectnmf.seeds.windows import LENGTH, PEAK, in_noise, shape, starts
from detectnmf.simulate.traces.calcium import Calcium

QUIET = Runtime(device="cpu", quiet=True)


def traces(n: int, seconds: float = 60.0, rate: float = 20.0, snr: float = 5.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cells with GCaMP6s under white noise, then as much noise alone, at an offset; and the cells' dF/F."""
    rng = np.random.default_rng(seed)
    clean = Calcium(decay=1.5, rise=0.18, events=0.15, burst=2.0).draw(n, int(seconds * rate), rate, rng).traces
    clean *= snr / np.maximum(clean.max(axis=1, keepdims=True), 1e-3)
    everything = np.concatenate([clean, np.zeros_like(clean)])
    return 300 + 8 * (everything + rng.standard_normal(everything.shape)), clean


def test_cells_are_told_from_noise() -> None:
    seen, clean = traces(40)
    active = np.flatnonzero(clean.max(axis=1) > 1)
    verdict = SeedClassifier()(seen, 20.0, QUIET)
    sensitivity, specificity = verdict.keep[active].mean(), 1 - verdict.keep[40:].mean()
    assert (sensitivity + specificity) / 2 >= 0.95
    assert verdict.score[active].mean() > 0.9 and verdict.score[40:].mean() < 0.2
    assert verdict.keep.dtype == bool and verdict.score.min() >= 0 and verdict.score.max() <= 1


def test_unit_and_offset_do_not_matter() -> None:
    seen, _ = traces(6)
    one, other = SeedClassifier()(seen, 20.0, QUIET), SeedClassifier()(0.01 * seen - 3, 20.0, QUIET)
    assert other.score == pytest.approx(one.score, abs=0.01)


@pytest.mark.parametrize("stride", [1, 5])
def test_a_trace_is_kept_if_any_window_is(stride: int) -> None:
    """Against one window after the other."""
    seen, _ = traces(3, seconds=17.0)
    network, card = load_events("lstm", torch.device("cpu"))
    calibration = Calibration.of(card)
    slow = in_noise(seen, 20.0)
    best, middle = [], []
    for trace in torch.from_numpy(np.pad(slow.numpy(), ((0, 0), (PEAK, LENGTH - PEAK - 1)), mode="reflect")):
        begin = starts(len(trace), stride)
        with torch.inference_mode():
            logits = [float(network(shape(trace[None, first : first + LENGTH]))) for first in begin]
        best.append(max(logits))
        middle.append(begin[int(np.argmax(logits))] / 10)
    verdict = SeedClassifier(stride=stride, batch=7)(seen, 20.0, QUIET)
    assert verdict.keep.tolist() == [value >= calibration.threshold for value in best]
    assert verdict.time.tolist() == pytest.approx(middle)
    assert verdict.score == pytest.approx(calibration.of_traces(torch.tensor(best), slow.shape[1]).numpy(), abs=1e-4)
    windows = SeedClassifier(stride=stride)(seen, 20.0, QUIET), SeedClassifier(stride=stride).windows(seen, 20.0, QUIET)
    assert windows[1].max(axis=1) == pytest.approx(calibration.of_windows(torch.tensor(best)).numpy(), abs=1e-4)


def test_an_own_threshold() -> None:
    seen, _ = traces(10)
    classifier = SeedClassifier(threshold=0.4)
    assert (classifier(seen, 20.0, QUIET).keep == (classifier.windows(seen, 20.0, QUIET).max(axis=1) >= 0.4)).all()


def test_the_time_is_that_of_an_event() -> None:
    rate, frames = 20.0, 800
    after = np.arange(frames) / rate - 21.0
    trace = np.where(after > 0, 12 * np.exp(-after / 1.0), 0) + np.random.default_rng(0).standard_normal(frames)
    assert SeedClassifier(stride=1)(trace[None], rate, QUIET).time[0] == pytest.approx(21.0, abs=0.7)


def test_no_trace_and_a_constant_one() -> None:
    nothing = SeedClassifier()(np.zeros((0, 5)), 20.0, QUIET)
    assert len(nothing.keep) == len(nothing.score) == 0
    assert SeedClassifier().windows(np.zeros((0, 5)), 20.0, QUIET).shape[0] == 0
    seen, _ = traces(1)
    verdict = SeedClassifier()(np.concatenate([np.full_like(seen[:1], 7.0), seen]), 20.0, QUIET)
    assert not verdict.keep[0] and verdict.score[0] == 0 and np.isnan(verdict.time[0]) and not np.isnan(verdict.time[1:]).any()


def test_little_memory_changes_nothing() -> None:
    seen, _ = traces(12)
    tight = SeedClassifier()(seen, 20.0, Runtime(device="cpu", max_memory=0.0005, quiet=True))
    assert tight.score == pytest.approx(SeedClassifier()(seen, 20.0, QUIET).score, abs=1e-4)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"stride": 11}, "stride must be 1 to 10"),
        ({"threshold": 1.0}, "between 0 and 1, got 1.0"),
        ({"checkpoint": "no"}, "neither a file nor"),
    ],
)
def test_senseless_knobs_are_refused(knobs: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        SeedClassifier(**knobs)


def test_recorded_cells_with_spikes(data_dir) -> None:
    """GCaMP6s, cell-attached: each of them fires, and each is taken for a cell."""
    from detectnmf.simulate.traces.recordings import read

    takes = read(data_dir / "spikes" / "DS16-GCaMP6s-m-V1", None)
    kept = [SeedClassifier()(take.trace[None], take.rate, QUIET).keep[0] for take in takes]
    assert np.mean(kept) >= 0.8
