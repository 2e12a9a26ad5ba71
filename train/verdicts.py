"""How well traces are told apart: whole traces under the any-positive rule, scores, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from detectnmf.runtime import Runtime
from detectnmf.seeds.calibration import MINUTE, Calibration
from detectnmf.seeds.classify import event_logits
from detectnmf.seeds.lstm import EventNetwork
from detectnmf.seeds.windows import RATE, in_noise, shape
from detectnmf.train.sequences import Sequences
from detectnmf.train.sheets import Sheet

BANDS = ((0.5, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (5.0, 10.0), (10.0, 20.0))  # of SNR
SEEN = 2.0  # SNR from which a cell is asked for
BINS = 10


@dataclass(frozen=True)
class Judged:
    """Many traces: `value` (n,) highest logit, or any other statistic; `cell` (n,) bool; `snr` (n,); `frames` (n,) at 10 Hz."""

    value: np.ndarray
    cell: np.ndarray
    snr: np.ndarray
    frames: np.ndarray

    def from_snr(self, least: float) -> Judged:
        """Without the cells below an SNR."""
        kept = ~self.cell | (self.snr >= least)
        return Judged(self.value[kept], self.cell[kept], self.snr[kept], self.frames[kept])


def judge(source: Callable[[int], Sheet], numbers: Sequence[int], statistic: Callable[[Sheet], np.ndarray]) -> Judged:
    """A statistic of all traces of some sheets."""
    value, cell, snr, frames = [], [], [], []
    for number in numbers:
        sheet = source(number)
        value.append(statistic(sheet))
        cell.append(sheet.cell)
        snr.append(sheet.snr)
        frames.append(np.full(len(sheet.cell), sheet.clean.shape[1]))
    return Judged(*map(np.concatenate, (value, cell, snr, frames)))


def highest(network: EventNetwork, stride: int, runtime: Runtime) -> Callable[[Sheet], np.ndarray]:
    """The statistic of the any-positive rule."""

    def statistic(sheet: Sheet) -> np.ndarray:
        logits = event_logits(network, in_noise(sheet.traces, sheet.rate), stride, 4096, runtime)
        return np.asarray(logits.amax(dim=1).numpy())

    return statistic


@torch.inference_mode()
def window_logits(network: EventNetwork, sequences: Sequences, batch: int = 4096) -> np.ndarray:
    """(m,) logits of a fixed set."""
    device = next(network.parameters()).device
    return torch.cat([network(shape(part.to(device))).cpu() for part in sequences.windows.split(batch)]).numpy()


def auc(value: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve; nan where there is one kind alone."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, value)) if 0 < positive.sum() < len(positive) else float("nan")


def balanced_accuracy(kept: np.ndarray, positive: np.ndarray) -> float:
    """Mean of sensitivity and specificity."""
    return float((kept[positive].mean() + (~kept[~positive]).mean()) / 2)


def best_threshold(judged: Judged) -> float:
    """The value at which balanced accuracy is highest."""
    order = np.argsort(judged.value)
    value, cell = judged.value[order], judged.cell[order]
    missed = np.concatenate([[0], np.cumsum(cell)]) / max(int(cell.sum()), 1)
    spared = np.concatenate([[0], np.cumsum(~cell)]) / max(int((~cell).sum()), 1)
    best = int(np.argmax(spared - missed))
    return float((value[max(best - 1, 0)] + value[min(best, len(value) - 1)]) / 2)


def expected_error(probability: np.ndarray, positive: np.ndarray) -> float:
    """Expected calibration error in ten equal bins (Naeini et al. 2015), both kinds weighing as much, as scores are meant."""
    weight = alike(positive)
    which = _bin(probability)
    shares = np.bincount(which, weight * positive, BINS) - np.bincount(which, weight * probability, BINS)
    return float(np.abs(shares).sum())


def reliability(probability: np.ndarray, positive: np.ndarray) -> list[tuple[float, float, int]]:
    """(mean probability, share of positives, number) of each bin that is not empty, both kinds weighing as much."""
    weight, which = alike(positive), _bin(probability)
    total = np.bincount(which, weight, BINS)
    mean, share = (np.bincount(which, weight * one, BINS) / np.maximum(total, 1e-12) for one in (probability, positive))
    count = np.bincount(which, minlength=BINS)
    return [(float(mean[b]), float(share[b]), int(count[b])) for b in np.flatnonzero(count)]


def alike(positive: np.ndarray) -> np.ndarray:
    """(n,) weights that add up to 1, half of it for either kind."""
    return np.where(positive, 0.5 / max(int(positive.sum()), 1), 0.5 / max(int((~positive).sum()), 1))


def _bin(probability: np.ndarray) -> np.ndarray:
    return np.minimum((probability * BINS).astype(int), BINS - 1)


def calibrate(windows: tuple[np.ndarray, np.ndarray], traces: Judged) -> Calibration:
    """Logistic regression with both kinds weighted alike; the threshold that tells cells of SNR 2 and more best from what is none.

    Args:
        windows: (m,) logits, and (m,) whether there is an event.
    """
    from sklearn.linear_model import LogisticRegression

    def fit(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        found = LogisticRegression(C=1e6, class_weight="balanced", max_iter=1000).fit(features, labels)
        return np.concatenate([found.coef_[0], found.intercept_])

    window = fit(windows[0][:, None], windows[1] > 0.5)
    longer = np.log2(traces.frames / RATE / MINUTE)
    trace = fit(np.stack([traces.value, longer], axis=1), traces.cell)
    return Calibration(
        (float(window[0]), float(window[1])), (float(trace[0]), float(trace[2])), float(trace[1]), best_threshold(traces.from_snr(SEEN))
    )


def scores(judged: Judged, calibration: Calibration) -> dict[str, Any]:
    """What a card tells of whole traces."""
    kept = judged.value >= calibration.threshold
    seen = judged.from_snr(SEEN)
    rows = []
    for low, high in BANDS:
        band = judged.cell & (judged.snr >= low) & (judged.snr < high)
        if band.any():
            sensitivity, specificity = float(kept[band].mean()), float((~kept[~judged.cell]).mean())
            rows.append({"snr": [low, high], "cells": int(band.sum()), "sensitivity": round(sensitivity, 4),
                         "balanced": round((sensitivity + specificity) / 2, 4)})  # fmt: skip
    probability = probabilities(judged, calibration)
    return {
        "traces": len(judged.cell),
        "specificity": round(float((~kept[~judged.cell]).mean()), 4),
        "balanced_accuracy": round(balanced_accuracy(seen.value >= calibration.threshold, seen.cell), 4),
        "auc": round(auc(seen.value, seen.cell), 4),
        "calibration_error": round(expected_error(probability, judged.cell), 4),
        "by_snr": rows,
    }


def probabilities(judged: Judged, calibration: Calibration) -> np.ndarray:
    """(n,) calibrated scores."""
    parts = np.empty(len(judged.value), np.float32)
    for frames in np.unique(judged.frames):
        here = judged.frames == frames
        parts[here] = calibration.of_traces(torch.from_numpy(judged.value[here]), int(frames)).numpy()
    return parts


def by_window(logits: np.ndarray, sequences: Sequences) -> dict[str, float]:
    """Area under the curve of single windows, for all events and for those of some height (units of noise at 10 Hz)."""
    events, size = sequences.labels.numpy() > 0.5, sequences.snr.numpy()
    found = {"auc": auc(logits, events)}
    for least in (2.0, 4.0, 8.0):
        chosen = ~events | (size >= least)
        found[f"auc_from_{least:g}"] = auc(logits[chosen], events[chosen])
    return {name: round(value, 4) for name, value in found.items()}
