"""Pictures of crops with what was hit, missed, and seen where nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from detectnmf.detect.detector import Instances, ious
from detectnmf.detect.network import planes
from detectnmf.io.atomic import replacing
from detectnmf.train.examples import Example
from detectnmf.train.score import IOUS, match

HIT, MISSED, FALSE = "#4fd38a", "#56b4e9", "#ff5a4f"
SHOWN = 0.5  # least confidence of what is drawn


@torch.inference_mode()
def draw(network: torch.nn.Module, examples: Sequence[Example], path: Path, title: str, columns: int = 8, rows: int = 4) -> None:
    """Crops spread over the set: green a hit and the cell's true outline (dotted), blue a missed cell, red a false alarm."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    network.eval()
    chosen = [examples[i] for i in np.unique(np.linspace(0, len(examples) - 1, rows * columns).astype(int))]
    device = next(network.parameters()).device
    answers = network(list(planes(torch.stack([e.views.float() for e in chosen]).to(device))))
    figure = Figure(figsize=(1.7 * columns, 1.85 * rows), dpi=90, layout="constrained", facecolor="#111417")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}: green hit, dotted truth, blue missed, red false alarm", color="white", fontsize=9)
    for ax, example, answer in zip(figure.subplots(rows, columns, squeeze=False).ravel(), chosen, answers, strict=False):
        cells = Instances.of(answer)
        masks = cells.masks[cells.score >= SHOWN].cpu()
        taken = match(ious(masks, example.masks).numpy(), IOUS[0])
        frame = example.views[0].float().numpy()
        ax.imshow(frame, cmap="gray", vmin=0, vmax=max(float(frame.max()), 1e-6))
        for at, mask in enumerate(example.masks.float().numpy()):
            ax.contour(mask, [0.5], colors=HIT if at in taken else MISSED, linewidths=0.8, linestyles="dotted" if at in taken else "solid")
        for mask, cell in zip(masks.float().numpy(), taken, strict=True):
            if mask.any():
                ax.contour(mask, [0.5], colors=HIT if cell >= 0 else FALSE, linewidths=0.8)
        ax.set_title(f"{example.kind} max {frame.max():.1f}", color="white", fontsize=6, pad=1)
    for ax in figure.axes:
        ax.set_axis_off()
    with replacing(path) as part:
        figure.savefig(part, format="png")
