"""The seed classifier on cells that were recorded electrically at the same time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter1d

from detectnmf.runtime import Runtime
from detectnmf.seeds.classify import event_logits
from detectnmf.seeds.lstm import EventNetwork
from detectnmf.seeds.windows import RATE, in_noise
from detectnmf.simulate.traces.recordings import read
from detectnmf.train.verdicts import auc

STRETCH, STEP, NEAR = 2.5, 0.5, 0.5  # s
COUNTS = {"1": (1, 1), "2": (2, 2), "3 to 5": (3, 5), "6 and more": (6, 10**9)}


@dataclass(frozen=True)
class RealScores:
    """Of a data set: areas under the curve, for any number of spikes, for some, and of a plain SNR; how many stretches there are."""

    cells: int
    without: int
    with_spikes: int
    auc: float
    by_count: dict[str, float]
    smooth: float


def real_scores(network: EventNetwork, runtime: Runtime) -> dict[str, RealScores]:
    """By data set; none where DETECTNMF_DATA is not set."""
    folder = Path(os.environ.get("DETECTNMF_DATA", "/nonexistent")) / "spikes"
    if not folder.is_dir():
        return {}
    return {path.name: of_set(path, network, runtime) for path in sorted(folder.iterdir()) if path.is_dir()}


def of_set(path: Path, network: EventNetwork, runtime: Runtime) -> RealScores:
    score, plain, count, near = [], [], [], []
    takes = [take for take in read(path, None) if take.trace is not None and take.spikes is not None]
    for take in takes:
        slow = in_noise(take.trace[None].astype(np.float32), take.rate)
        logits = event_logits(network, slow, 1, 4096, runtime)[0].numpy()
        smooth = uniform_filter1d(slow.numpy()[0], 3)
        smooth -= np.median(smooth)
        last = len(logits) / RATE - STRETCH - NEAR
        for start in np.arange(NEAR, last, STEP):
            first, stop = round(start * RATE), round((start + STRETCH + NEAR) * RATE)
            score.append(logits[first:stop].max())
            plain.append(smooth[first:stop].max())
            count.append(spikes(take.spikes, start, start + STRETCH))
            near.append(spikes(take.spikes, start - NEAR, start + STRETCH + NEAR))
    scores, smooths, counts, around = map(np.array, (score, plain, count, near))
    none = around == 0

    def area(values: np.ndarray, low: int, high: int) -> float:
        some = (counts >= low) & (counts <= high)
        return auc(values[some | none], some[some | none])

    by_count = {name: area(scores, *ends) for name, ends in COUNTS.items()}
    most = 10**9
    return RealScores(len(takes), int(none.sum()), int((counts > 0).sum()), area(scores, 1, most), by_count, area(smooths, 1, most))


def spikes(times: np.ndarray, start: float, stop: float) -> int:
    """How many lie between two times."""
    return int(np.searchsorted(times, stop) - np.searchsorted(times, start))
