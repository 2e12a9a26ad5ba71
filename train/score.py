"""How well a detector finds the cells of single crops: hits, average precision, calibration; by density and by SNR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from detectnmf.detect.calibration import Calibration, calibration_error
from detectnmf.detect.detector import Instances, ious
from detectnmf.detect.network import planes
from detectnmf.runtime import fast_bfloat16
from detectnmf.train.examples import Example

THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
IOUS = (0.5, 0.75)
DENSITIES = (0.0, 0.3, 0.6, 1.0, 1.6, 2.4)  # R_c, from each to the next
SNRS = (0.0, 2.0, 3.0, 5.0, 8.0, 15.0)
BATCH = 32


@dataclass(frozen=True)
class Scores:
    """All detections and all cells of a set of crops.

    Args:
        confidence: (n,) of each detection. hit: (n, 2) whether it hit a cell at each of IOUS. dense: (n,) R_c of its movie.
        found: (m,) confidence of the detection that hit each cell at the lower IoU, 0 where none did.
        snr: (m,) of each cell. density: (m,) R_c of its movie.
    """

    confidence: np.ndarray
    hit: np.ndarray
    dense: np.ndarray
    found: np.ndarray
    snr: np.ndarray
    density: np.ndarray

    def at(self, least: float) -> tuple[float, float]:
        """Precision and recall of detections of at least this confidence."""
        chosen = self.confidence >= least
        return float(self.hit[chosen, 0].mean()) if chosen.any() else 0.0, float((self.found >= least).mean()) if len(self.found) else 0.0

    def average_precision(self, iou: int) -> float:
        """Area under precision against recall, precision taken as the best at that recall or a higher one; at IOUS[iou]."""
        order = np.argsort(-self.confidence, kind="stable")
        right = np.cumsum(self.hit[order, iou])
        precision = right / np.arange(1, len(right) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float(best[self.hit[order, iou]].sum() / max(len(self.found), 1))

    def calibrated(self, calibration: Calibration) -> Scores:
        """The same, each confidence a probability."""
        found = np.where(self.found > 0, calibration(self.found), 0)
        return Scores(calibration(self.confidence), self.hit, self.dense, found, self.snr, self.density)

    def fit(self) -> Calibration:
        return Calibration.fit(self.confidence, self.hit[:, 0])

    def table(self) -> dict[str, list[float]]:
        """Precision, recall and F1 at several confidences."""
        pairs = [self.at(least) for least in THRESHOLDS]
        f1 = [2 * p * r / max(p + r, 1e-9) for p, r in pairs]
        columns = {"confidence": THRESHOLDS, "precision": [p for p, _ in pairs], "recall": [r for _, r in pairs], "f1": f1}
        return {name: [round(float(value), 4) for value in values] for name, values in columns.items()}

    def summary(self, least: float = 0.5) -> dict[str, Any]:
        """For the card: the table, average precisions, calibration error, and scores by density and SNR at one confidence."""
        by_density = []
        for low, high in zip(DENSITIES, (*DENSITIES[1:], np.inf), strict=True):
            cells, found = (self.density >= low) & (self.density < high), (self.dense >= low) & (self.dense < high)
            chosen = found & (self.confidence >= least)
            if cells.any():
                precision = float(self.hit[chosen, 0].mean()) if chosen.any() else 0.0
                by_density.append([low, int(cells.sum()), round(precision, 4), round(float((self.found[cells] >= least).mean()), 4)])
        by_snr = []
        for low, high in zip(SNRS, (*SNRS[1:], np.inf), strict=True):
            cells = (self.snr >= low) & (self.snr < high)
            if cells.any():
                by_snr.append([low, int(cells.sum()), round(float((self.found[cells] >= least).mean()), 4)])
        return {
            **self.table(),
            "ap50": round(self.average_precision(0), 4),
            "ap75": round(self.average_precision(1), 4),
            "ece": round(calibration_error(self.confidence, self.hit[:, 0]), 4),
            "cells": len(self.found),
            "by_density": by_density,
            "by_snr": by_snr,
        }


@torch.inference_mode()
def score_network(network: torch.nn.Module, examples: Sequence[Example], device: torch.device) -> Scores:
    """Show a network (in evaluation mode afterwards) every crop; one-to-one, best detection first, each takes the cell it fits best."""
    network.eval()
    confidence, hit, dense, found = [np.zeros(0)], [np.zeros((0, len(IOUS)), bool)], [np.zeros(0)], [np.zeros(0)]
    for start in range(0, len(examples), BATCH):
        part = examples[start : start + BATCH]
        views = torch.stack([e.views.float() for e in part]).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=fast_bfloat16(device)):
            answers = network(list(planes(views)))
        for example, answer in zip(part, answers, strict=True):
            cells = Instances.of(answer)
            scores = cells.score.cpu().numpy().astype(float)
            overlap = ious(cells.masks.cpu(), example.masks).numpy()
            takers = [match(overlap, least) for least in IOUS]
            confidence.append(scores)
            hit.append(np.stack([taken >= 0 for taken in takers], 1))
            dense.append(np.full(len(scores), example.density))
            best = np.zeros(len(example.masks))
            best[takers[0][takers[0] >= 0]] = scores[takers[0] >= 0]
            found.append(best)
    return Scores(
        np.concatenate(confidence),
        np.concatenate(hit),
        np.concatenate(dense),
        np.concatenate(found),
        np.concatenate([np.zeros(0), *(e.snr.numpy() for e in examples)]),
        np.concatenate([np.zeros(0), *(np.full(len(e.masks), e.density) for e in examples)]),
    )


def match(overlap: np.ndarray, least: float) -> np.ndarray:
    """(n, m) IoUs, best detection first -> (n,) the cell that each takes, -1 for none; one-to-one."""
    taken = np.full(len(overlap), -1)
    free = np.ones(overlap.shape[1], bool)
    for i, row in enumerate(overlap):
        row = np.where(free, row, 0)
        if len(row) and row.max() >= least:
            taken[i] = row.argmax()
            free[taken[i]] = False
    return taken
