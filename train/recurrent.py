"""The Lightning module of the seed classifier: cross-entropy, AdamW, one cycle of the learning rate."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch import Tensor

from detectnmf.seeds.lstm import EventNetwork
from detectnmf.seeds.windows import shape
from detectnmf.train.output import Unfinished
from detectnmf.train.sequences import Sequences
from detectnmf.train.verdicts import by_window, window_logits

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRScheduler


class RecurrentLearner(lightning.LightningModule):
    """Learns from streamed windows; scores itself on a fixed set, and leaves its state to go on from.

    Args:
        steps: optimiser steps in all.
        rate: highest learning rate.
        every: steps between scores.
        validation: windows that it never learns from.
        unfinished: takes the state at each score.
    """

    def __init__(self, network: EventNetwork, steps: int, rate: float, every: int, validation: Sequences, unfinished: Unfinished) -> None:
        super().__init__()
        self.network = network
        self.steps, self.rate, self.every, self.validation = steps, rate, every, validation
        self.unfinished = unfinished
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._since = time.monotonic()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["told"] = {"history": self.history, "seconds": self.seconds}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history, self.seconds = checkpoint["told"]["history"], checkpoint["told"]["seconds"]

    def on_train_start(self) -> None:
        self._since = time.monotonic()

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        windows, labels = batch
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.network(shape(windows)), labels)
        self.log("loss", loss.detach(), prog_bar=True, batch_size=len(labels))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        done = self.global_step
        if done % self.every == 0 or done == self.steps:
            self.network.eval()
            table = by_window(window_logits(self.network, self.validation), self.validation)
            self.network.train()
            self.history.append({"step": done, **table})
            self.log_dict(table)
            now = time.monotonic()
            self.seconds, self._since = self.seconds + now - self._since, now
            self.unfinished.save(self.trainer)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=self.rate, weight_decay=1e-4)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, self.rate, total_steps=self.steps + 1, pct_start=0.1)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}
