"""The Lightning module: losses of a Mask R-CNN, AdamW, one cycle of the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch import Tensor

from detectnmf.detect.checkpoint import save_network
from detectnmf.detect.network import build_network, planes
from detectnmf.train.examples import Example, target
from detectnmf.train.score import score_network

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRScheduler


class Learner(lightning.LightningModule):
    """Learns from streamed examples; scores itself on a fixed set and writes its weights each time.

    Args:
        steps: optimiser steps in all.
        rate: highest learning rate.
        every: steps between scores.
        out: checkpoint to write.
        card: what is known of the training; the scores are added.
    """

    def __init__(self, steps: int, rate: float, every: int, examples: Sequence[Example], out: Path, card: dict[str, Any]) -> None:
        super().__init__()
        self.network = build_network()
        self.steps, self.rate, self.every, self.out, self.card = steps, rate, every, out, card
        self.examples = examples
        self.history: list[dict[str, Any]] = []

    def transfer_batch_to_device(self, batch: list[Example], device: torch.device, index: int) -> list[Example]:
        """Examples stay where they are; the step moves what the network needs."""
        return batch

    def training_step(self, batch: list[Example], index: int) -> Tensor:
        images = planes(torch.stack([e.image.float() for e in batch]).to(self.device))
        targets = [{key: value.to(self.device) for key, value in target(e.masks).items()} for e in batch]
        losses: dict[str, Tensor] = self.network(list(images), targets)
        total = torch.stack(list(losses.values())).sum()
        self.log_dict({key: value.detach() for key, value in losses.items()}, batch_size=len(batch))
        self.log("loss", total.detach(), prog_bar=True, batch_size=len(batch))
        return total

    def on_train_batch_end(self, *_: Any) -> None:
        done = self.global_step
        if done % self.every == 0 or done == self.steps:
            table = score_network(self.network, self.examples, self.device)
            self.network.train()
            self.history.append({"step": done, **table})
            best = max(range(len(table["f1"])), key=lambda i: table["f1"][i])
            self.log_dict({"f1": table["f1"][best], "confidence": table["confidence"][best]})
            self.card.update(steps_done=done, validation=table, history=self.history)
            self.save()

    def save(self) -> None:
        """Write weights and card."""
        save_network(self.network, self.out, self.card)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=self.rate, weight_decay=1e-4)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, self.rate, total_steps=self.steps + 1, pct_start=0.1)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
