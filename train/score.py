"""How many cells a detector hits in single crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from detectnmf.detect.network import planes
from detectnmf.train.examples import Example

THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)


@torch.inference_mode()
def score_network(network: torch.nn.Module, examples: Sequence[Example], device: torch.device, iou: float = 0.5) -> dict[str, list[float]]:
    """Precision, recall and F1 of masks at an IoU, for several confidences; one-to-one, best score first."""
    network.eval()
    hits, truths, counts = [], 0, []
    for start in range(0, len(examples), 32):
        part = examples[start : start + 32]
        images = torch.stack([e.image.float() for e in part]).to(device)
        for example, found in zip(part, network(list(planes(images))), strict=True):
            truths += len(example.masks)
            masks, scores = (found["masks"][:, 0] > 0.5).float().flatten(1).cpu(), found["scores"].cpu()
            true = example.masks.float().flatten(1)
            shared = masks @ true.T
            ious = shared / (masks.sum(1)[:, None] + true.sum(1) - shared).clamp(min=1)
            taken = torch.zeros(len(true), dtype=torch.bool)
            for row, confidence in zip(ious, scores, strict=True):
                row = row.masked_fill(taken, 0)
                hit = bool(len(row)) and bool(row.max() >= iou)
                if hit:
                    taken[row.argmax()] = True
                hits.append(hit)
                counts.append(float(confidence))
    right, confidence = np.array(hits, bool), np.array(counts)
    table: dict[str, list[float]] = {"confidence": list(THRESHOLDS), "precision": [], "recall": [], "f1": []}
    for least in THRESHOLDS:
        chosen = confidence >= least
        good = int(right[chosen].sum())
        precision, recall = good / max(int(chosen.sum()), 1), good / max(truths, 1)
        table["precision"].append(round(precision, 4))
        table["recall"].append(round(recall, 4))
        table["f1"].append(round(2 * precision * recall / max(precision + recall, 1e-9), 4))
    return table
