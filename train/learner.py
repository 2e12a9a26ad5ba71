"""The Lightning module: losses of a Mask R-CNN, AdamW, warm-up and cosine, and a running mean of the weights that is what counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from detectnmf.detect.network import build_network, planes
from detectnmf.train.examples import Example, target

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRScheduler
    from torchvision.models.detection import MaskRCNN

WARM_UP = 0.05  # of the steps


class Learner(lightning.LightningModule):
    """Learns from batches of examples. Every step has its own random numbers, so that one that is interrupted goes on as it would have.

    Args:
        steps: optimiser steps in all. rate: highest learning rate.
        ema: how much of the running mean of the weights a step keeps; early steps keep less.
        seed: of the weights and of every step.
    """

    def __init__(self, steps: int, rate: float, ema: float, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.network = build_network()
        self.steps, self.rate, self.seed = steps, rate, seed
        self.averaged = AveragedModel(self.network, multi_avg_fn=running_mean(ema), use_buffers=True)

    @property
    def mean(self) -> MaskRCNN:
        """The network with the running mean of the weights."""
        network: MaskRCNN = self.averaged.module
        return network

    def transfer_batch_to_device(self, batch: Sequence[Example], device: torch.device, index: int) -> Sequence[Example]:
        """Examples stay where they are; the step moves what the network needs."""
        return batch

    def training_step(self, batch: Sequence[Example], index: int) -> Tensor:
        torch.manual_seed(int(np.random.SeedSequence([self.seed, self.global_step]).generate_state(1)[0]))
        images = planes(torch.stack([e.views.float() for e in batch]).to(self.device))
        targets = [{key: value.to(self.device) for key, value in target(e.masks).items()} for e in batch]
        losses: dict[str, Tensor] = self.network(list(images), targets)
        total = torch.stack(list(losses.values())).sum()
        self.log_dict({key: value.detach() for key, value in losses.items()}, batch_size=len(batch))
        self.log("loss", total.detach(), prog_bar=True, batch_size=len(batch))
        return total

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """The running mean follows each step, before anyone looks at it or saves it."""
        super().optimizer_step(*args, **kwargs)
        self.averaged.update_parameters(self.network)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=self.rate, weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, cosine(self.steps))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def running_mean(keep: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Moves means towards values by 1 - `keep`, by more at first, when there is little worth keeping; counters are copied."""

    @torch.no_grad()
    def update(means: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
        kept = min(keep, (1 + float(count)) / (10 + float(count)))
        for mean, value in zip(means, values, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value.to(mean.device), 1 - kept)
            else:
                mean.copy_(value)

    return update


def cosine(steps: int) -> Callable[[int], float]:
    """Step -> share of the highest rate: up in a line over the first `WARM_UP`, then down as a cosine to a hundredth."""
    warm = max(1, round(WARM_UP * steps))

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        done = min(1.0, (step - warm) / max(1, steps - warm))
        return 0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * done)))

    return share
