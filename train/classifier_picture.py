"""A seed classifier in pictures: ROC, reliability, sensitivity against SNR, windows that it is right and wrong about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from detectnmf.seeds.calibration import Calibration
from detectnmf.seeds.windows import LENGTH, PEAK, RATE
from detectnmf.train.sequences import Sequences
from detectnmf.train.verdicts import SEEN, Judged, auc, expected_error, probabilities, reliability, scores

INK, GRID, CELL, NONE = "#1f2d33", "#d9dfe2", "#D55E00", "#0072B2"


def draw(path: Path, tested: Judged, calibration: Calibration, windows: Sequences, logits: np.ndarray) -> None:
    """Write the picture.

    Args:
        tested: whole traces. windows, logits: single ones.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_curve

    figure = Figure(figsize=(12.5, 7.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    top, below = np.asarray(figure.subfigures(2, 1, height_ratios=(1.25, 1))).tolist()
    left, middle, right = top.subplots(1, 3)
    for ax in (left, middle, right):
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color=GRID, linewidth=0.6)
    for least, colour in ((0.0, NONE), (SEEN, CELL)):
        seen = tested.from_snr(least)
        if 0 < seen.cell.sum() < len(seen.cell):
            wrong, right_ones, _ = roc_curve(seen.cell, seen.value)
            name = "all cells" if not least else f"SNR from {least:g}"
            left.plot(wrong, right_ones, color=colour, label=f"{name}: area {auc(seen.value, seen.cell):.3f}")
    kept = tested.value >= calibration.threshold
    left.plot(kept[~tested.cell].mean(), kept[tested.cell & (tested.snr >= SEEN)].mean(), "o", color=INK, label="threshold")
    left.set(xlabel="false positive rate", ylabel="true positive rate", title="whole traces")
    left.legend(frameon=False, loc="lower right")
    probability = probabilities(tested, calibration)
    middle.plot([0, 1], [0, 1], ":", color=INK)
    bins = reliability(probability, tested.cell)
    middle.plot([p for p, _, _ in bins], [share for _, share, _ in bins], "o-", color=CELL)
    middle.set(xlabel="score", ylabel="share of cells", title=f"reliability: expected error {expected_error(probability, tested.cell):.3f}")
    rows = scores(tested, calibration)["by_snr"]
    middles = [float(np.sqrt(row["snr"][0] * row["snr"][1])) for row in rows]
    right.semilogx(middles, [row["sensitivity"] for row in rows], "o-", color=CELL, label="sensitivity")
    right.semilogx(middles, [row["balanced"] for row in rows], "s--", color=INK, label="balanced accuracy")
    right.axvline(SEEN, color=GRID)
    right.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"], minor=False)
    right.minorticks_off()
    right.set(xlabel="SNR", ylim=(0, 1.02), title="against SNR")
    right.legend(frameon=False, loc="lower right")
    sure = calibration.of_windows(torch.from_numpy(logits)).numpy()
    event = windows.labels.numpy() > 0.5
    kinds = {"event, found": event & (sure > 0.5), "event, missed": event & (sure <= 0.5),
             "none, seen so": ~event & (sure <= 0.5), "none, taken for one": ~event & (sure > 0.5)}  # fmt: skip
    time = (np.arange(LENGTH) - PEAK) / RATE
    for column, (ax, (name, which)) in enumerate(zip(below.subplots(1, 4), kinds.items(), strict=True)):
        chosen = np.random.default_rng(column).permutation(np.flatnonzero(which))[:5]
        for place, index in enumerate(chosen):
            trace = windows.windows[index].numpy()
            shown = (trace - trace.min()) / max(float(np.ptp(trace)), 1e-6)
            ax.plot(time, shown + 1.15 * place, color=CELL if event[index] else NONE, linewidth=0.9)
            ax.text(5.2, 1.15 * place + 0.3, f"{sure[index]:.2f}", fontsize=8, color=INK)
        ax.axvline(0, color=GRID, zorder=0)
        ax.set(title=f"{name} ({which.sum()})", xlabel="s", yticks=[])
        ax.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(path)
