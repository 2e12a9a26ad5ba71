"""Which traces are of cells? The seed classifier beside a plain SNR threshold and the peak-valley mixture (sc-CNMF, Fig. 3c).

    python benchmarks/classifier.py [--quick] [--seeds 40] [--compare 1000]

Writes classifier.md and its pictures. Recordings with electrophysiology are used where DETECTNMF_DATA names their folder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classifier_real import RealScores, real_scores
from common import versions
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from pages import COLOURS, GRID, INK, figure, save, table, write
from runs import options, understood
from scipy.ndimage import uniform_filter1d
from sklearn.metrics import roc_curve

from detectnmf.runtime import Runtime
from detectnmf.seeds.calibration import Calibration
from detectnmf.seeds.classify import SeedClassifier
from detectnmf.seeds.lstm import EventNetwork, load_events
from detectnmf.seeds.prominence import Prominence
from detectnmf.seeds.windows import RATE, in_noise
from detectnmf.train.classifier import LONG, ClassifierTraining
from detectnmf.train.sequences import CALIBRATION, TEST
from detectnmf.train.sheets import Sheet
from detectnmf.train.verdicts import (
    BANDS,
    SEEN,
    Judged,
    auc,
    balanced_accuracy,
    best_threshold,
    expected_error,
    highest,
    judge,
    probabilities,
    reliability,
    scores,
)  # fmt: skip

FIRST = TEST + 10_000  # sheets that neither training nor calibration nor the card used
STRIDES = (1, 2, 5, 10)
QUIET = Runtime(device="cpu", quiet=True)
WANTED, WANTED_ERROR, WANTED_REAL = 0.97, 0.05, 0.95
NAMES = ("LSTM", "SNR threshold", "peak-valley")


def settings(*overrides: str) -> tuple[ClassifierTraining, Any]:
    """The shipped training, and the simulator it takes."""
    with initialize_config_module("detectnmf.configs", version_base=None):
        config = compose("train", ["training=lstm", *overrides])
    return instantiate(config.training, _convert_="all"), instantiate(config.sim, _convert_="all")


def snr_of(sheet: Sheet) -> np.ndarray:
    """Highest value over the median, in noise units, of the trace at 10 Hz under a moving mean of 0.3 s."""
    smooth = uniform_filter1d(in_noise(sheet.traces, sheet.rate).numpy(), 3, axis=1)
    return np.asarray(smooth.max(axis=1) - np.median(smooth, axis=1))


def peak_valley(sheet: Sheet) -> np.ndarray:
    """d_s, in noise units: simulated traces have a unit each of their own."""
    return Prominence().differences(in_noise(sheet.traces, sheet.rate).numpy(), RATE)


@dataclass(frozen=True)
class Results:
    """By method: what each says of the same traces, and the threshold at which it keeps one; and all else the page tells."""

    judged: dict[str, Judged]
    kept: dict[str, np.ndarray]
    calibration: Calibration
    card: dict[str, Any]
    strides: dict[int, tuple[float, float]]
    compared: dict[str, dict[str, Any]]
    real: dict[str, RealScores]
    speed: dict[int, float]


def measure(chosen: argparse.Namespace) -> Results:
    training, simulator = settings()
    source = replace(training.source(simulator, 0), seconds=LONG)
    numbers = range(FIRST, FIRST + chosen.seeds)
    network, card = load_events("lstm", torch.device("cpu"))
    calibration = Calibration.of(card)
    judged = {name: judge(source, numbers, statistic)
              for name, statistic in zip(NAMES, (highest(network, 5, QUIET), snr_of, peak_valley), strict=True)}  # fmt: skip
    held = judge(source, range(CALIBRATION, CALIBRATION + chosen.seeds), snr_of)
    kept = {
        "LSTM": judged["LSTM"].value >= calibration.threshold,
        "SNR threshold": judged["SNR threshold"].value >= best_threshold(held.from_snr(SEEN)),
        "peak-valley": Prominence()(judged["peak-valley"].value),
    }
    strides = {stride: at_stride(source, network, calibration, stride, chosen.seeds) for stride in STRIDES}
    return Results(judged, kept, calibration, card, strides, compare(chosen.compare, chosen.seeds), real_scores(network, QUIET), speed())


def at_stride(source: Any, network: EventNetwork, calibration: Calibration, stride: int, sheets: int) -> tuple[float, float]:
    """Balanced accuracy and area under the curve from SNR 2, on a part of the sheets."""
    seen = judge(source, range(FIRST, FIRST + max(1, sheets // 4)), highest(network, stride, QUIET)).from_snr(SEEN)
    return balanced_accuracy(seen.value >= calibration.threshold, seen.cell), auc(seen.value, seen.cell)


def compare(steps: int, sheets: int) -> dict[str, dict[str, Any]]:
    """LSTM and GRU, trained alike, for a short time."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for cell in ("lstm", "gru") if steps else ():
            training, simulator = settings(f"training.cell={cell}", f"training.steps={steps}", f"training.test={max(2, sheets // 2)}")
            start = time.monotonic()
            out = training(simulator, None, None, None, Path(folder) / cell, QUIET)  # type: ignore[arg-type]
            network, card = load_events(out, torch.device("cpu"))
            weights = sum(weight.numel() for weight in network.parameters())
            found[cell] = card["test"]["trace"] | {
                "window": card["test"]["window"]["auc"],
                "weights": weights,
                "took": time.monotonic() - start,
            }
    return found


def speed() -> dict[int, float]:
    """Traces of a minute at 30 Hz that are judged in a second, by stride."""
    traces = np.random.default_rng(0).standard_normal((40, 1800)).astype(np.float32)
    rates = {}
    for stride in (1, 5):
        classifier = SeedClassifier(stride=stride)
        classifier(traces[:2], 30.0, QUIET)
        start = time.perf_counter()
        classifier(traces, 30.0, QUIET)
        rates[stride] = len(traces) / (time.perf_counter() - start)
    return rates


def main() -> None:
    """Measure, draw, write."""
    parser = options("classifier", __doc__, seeds=40, quick_seeds=4)
    parser.add_argument(
        "--compare", type=int, help="steps for which an LSTM and a GRU are trained side by side (1000; 20 with --quick; 0: none)"
    )
    chosen = understood(parser)
    if chosen.compare is None:
        chosen.compare = 20 if chosen.quick else 1000
    results = measure(chosen)
    draw(results, chosen.out)
    write(chosen.out, "classifier", page(results, chosen), chosen.quick)


def draw(results: Results, out: Path) -> None:
    """ROC, balanced accuracy against SNR, reliability."""
    drawn, (left, middle, right) = figure(3, 4.3, 3.8)
    for name, colour in zip(NAMES, COLOURS, strict=False):
        seen = results.judged[name].from_snr(SEEN)
        false, true, _ = roc_curve(seen.cell, seen.value)
        left.plot(false, true, color=colour, label=f"{name}: {auc(seen.value, seen.cell):.3f}")
        kept, judged = results.kept[name], results.judged[name]
        left.plot(kept[~judged.cell].mean(), kept[judged.cell & (judged.snr >= SEEN)].mean(), "o", color=colour)
        centres, accuracy = [], []
        for low, high in BANDS:
            band = judged.cell & (judged.snr >= low) & (judged.snr < high)
            centres.append(float(np.sqrt(low * high)))
            accuracy.append(balanced_accuracy(kept[band | ~judged.cell], judged.cell[band | ~judged.cell]))
        middle.semilogx(centres, accuracy, "o-", color=colour, label=name)
    left.set(xlabel="false positive rate", ylabel="true positive rate", title=f"ROC, SNR from {SEEN:g}")
    left.legend(fontsize=7, frameon=False, loc="lower right")
    middle.axhline(WANTED, color=INK, linestyle=":", linewidth=0.8)
    middle.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    middle.minorticks_off()
    middle.set(xlabel="SNR", ylabel="balanced accuracy", ylim=(0.45, 1.01), title="against SNR")
    middle.legend(fontsize=7, frameon=False, loc="lower right")
    judged = results.judged["LSTM"]
    probability = probabilities(judged, results.calibration)
    bins = reliability(probability, judged.cell)
    right.plot([0, 1], [0, 1], ":", color=INK)
    right.plot([p for p, _, _ in bins], [share for _, share, _ in bins], "o-", color=COLOURS[0])
    for p, share, n in bins:
        right.annotate(str(n), (p, share), textcoords="offset points", xytext=(5, -9), fontsize=6, color=INK)
    right.set(xlabel="score", ylabel="share of cells", title=f"reliability: error {expected_error(probability, judged.cell):.3f}")
    save(drawn, out / "classifier.png")
    if results.real:
        drawn, (ax,) = figure(1, 7.0, 3.4)
        names = list(results.real)
        groups = list(next(iter(results.real.values())).by_count)
        for at, (group, colour) in enumerate(zip(groups, COLOURS, strict=False)):
            heights = [results.real[name].by_count[group] for name in names]
            ax.bar(np.arange(len(names)) + 0.2 * (at - 1.5), heights, 0.18, color=colour, label=f"{group} spikes")
        ax.axhline(0.5, color=GRID)
        ax.set_xticks(range(len(names)), names, fontsize=7)
        ax.set(ylabel="area under the curve", ylim=(0.4, 1.0))
        ax.legend(fontsize=7, frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.15))
        save(drawn, out / "classifier_real.png")


def page(results: Results, chosen: argparse.Namespace) -> list[str]:
    """The parts of the page."""
    judged = results.judged["LSTM"]
    told = scores(judged, results.calibration)
    confusion = []
    for name in NAMES:
        kept, cell = results.kept[name], judged.cell & (judged.snr >= SEEN)
        hits, false = int(kept[cell].sum()), int(kept[~judged.cell].sum())
        seen = results.judged[name].from_snr(SEEN)
        accuracy = balanced_accuracy(kept[cell | ~judged.cell], judged.cell[cell | ~judged.cell])
        confusion.append([name, hits, int(cell.sum()) - hits, false, int((~judged.cell).sum()) - false,
                          f"{accuracy:.3f}", f"{auc(seen.value, seen.cell):.3f}"])  # fmt: skip
    bands = [[f"{r['snr'][0]:g} to {r['snr'][1]:g}", r["cells"], f"{r['sensitivity']:.3f}", f"{r['balanced']:.3f}"] for r in told["by_snr"]]
    compared = [[name.upper(), c["weights"], f"{c['balanced_accuracy']:.3f}", f"{c['auc']:.3f}", f"{c['window']:.3f}", f"{c['took']:.0f}"]
                for name, c in results.compared.items()]  # fmt: skip
    return [
        "# Seed classifier",
        f"{len(judged.cell)} simulated traces of {LONG[0]:g} to {LONG[1]:g} s at 3 to 60 Hz, from seeds that neither training nor "
        "calibration used: cells of seven indicators, and what is none, all under noise and some under drift, movement, blips, neuropil, "
        "light and interference (`train/nuisances.py`). **SNR** is the median height of a trace's events over the standard deviation of "
        "all that is not the cell, as recorded, at the recording's own rate (robust, about its mean over 10 s).",
        f"`python benchmarks/classifier.py --seeds {chosen.seeds} --compare {chosen.compare}`",
        "![ROC, balanced accuracy against SNR, reliability](classifier.png)",
        f"## Cells of SNR {SEEN:g} and more against all that is none",
        table(["", "cells kept", "cells lost", "others kept", "others left out", "balanced accuracy", "area under the curve"], confusion),
        "- **LSTM**: the shipped classifier, kept if any window is called an event; threshold from its calibration.\n"
        "- **SNR threshold**: peak over the median in units of noise after a moving mean of 0.3 s; its threshold is the best one on the "
        "traces by which the LSTM is calibrated.\n"
        "- **Peak-valley**: the two-Gaussian mixture on peak-valley differences in units of noise, which sets its own threshold.",
        "## The LSTM against SNR",
        table(["SNR", "cells", "sensitivity", "balanced accuracy"], bands),
        "## Stride",
        table(
            ["frames at 10 Hz", "balanced accuracy", "area under the curve"],
            [[stride, f"{a:.4f}", f"{b:.4f}"] for stride, (a, b) in results.strides.items()],
        ),
        f"On a quarter of the traces. Traces of a minute at 30 Hz judged in a second, on one core: {results.speed[1]:.0f} with stride 1, "
        f"{results.speed[5]:.0f} with stride 5, which is the default.",
        *(
            [
                "## LSTM and GRU",
                table(["", "weights", "balanced accuracy", "area: traces", "area: windows", "s, training and scoring"], compared),
                f"Each trained for {chosen.compare} steps with the same seed; the shipped one for {results.card['training']['steps']}.",
            ]
            if compared
            else []
        ),
        "## Recordings with electrophysiology",
        *real_parts(results.real),
        "## Reading",
        "\n".join(f"- {line}" for line in reading(told, results)),
        versions(),
    ]


def real_parts(real: dict[str, RealScores]) -> list[str]:
    """What the classifier says of stretches with and without spikes."""
    if not real:
        return ["Left out: DETECTNMF_DATA, the folder that holds `spikes/`, is not set."]
    groups = list(next(iter(real.values())).by_count)
    rows = [[name, r.cells, r.without, r.with_spikes, f"{r.auc:.3f}", *(f"{r.by_count[g]:.3f}" for g in groups), f"{r.smooth:.3f}"]
            for name, r in real.items()]  # fmt: skip
    return [
        "Cascade's ground truth, mouse V1, on which nothing was trained or tuned here, but for the kinetics of three simulated "
        "indicators, which were read off such recordings (docs/activity.md). Stretches of 2.5 s (there are hardly "
        "longer ones without a spike in DS16), every 0.5 s: with spikes, against those without any from 0.5 s before to 0.5 s after. The "
        "score of a stretch is that of the best window whose middle lies in it or at most 0.5 s after. Area under the curve, cells pooled.",
        table(["", "cells", "without", "with", "LSTM", *(f"{g} spikes" for g in groups), "plain SNR"], rows),
        "![area under the curve by number of spikes](classifier_real.png)",
    ]


def reading(told: dict[str, Any], results: Results) -> list[str]:
    """What the numbers say, beside what was wanted."""

    def verdict(good: bool) -> str:
        return "reached" if good else "missed"

    accuracy, error = told["balanced_accuracy"], told["calibration_error"]
    lines = [
        f"Balanced accuracy from SNR {SEEN:g}: {accuracy:.3f} (wanted {WANTED}): {verdict(accuracy >= WANTED)}.",
        f"Calibration error of the score, over cells of all SNR: {error:.3f} (wanted {WANTED_ERROR} at most): "
        f"{verdict(error <= WANTED_ERROR)}.",
    ]
    for name, real in results.real.items():
        if name.startswith("DS16"):
            lines.append(f"{name}, stretches with spikes: {real.auc:.3f} (wanted {WANTED_REAL}): {verdict(real.auc >= WANTED_REAL)}.")
    return lines


if __name__ == "__main__":
    main()
