"""From what a network says of a window to probabilities that can be relied on, for the window and for the trace it was cut from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from detectnmf.seeds.windows import RATE

MINUTE = 60.0  # s


@dataclass(frozen=True)
class Calibration:
    """Platt scaling (logistic regression on the network's logit), fitted on simulated traces that the network was not trained on.

    A trace is judged by its highest window; the more windows there are, the higher the highest is by chance alone.

    Args:
        window: slope and offset of a window's logit.
        trace: slope and offset of the highest logit of a trace of a minute.
        longer: is added for each doubling of the trace's length.
        threshold: logit of a window from which on its trace is kept.
    """

    window: tuple[float, float]
    trace: tuple[float, float]
    longer: float
    threshold: float

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> Calibration:
        """Raises KeyError or TypeError where the card holds none."""
        known = card["calibration"]
        return cls(tuple(known["window"]), tuple(known["trace"]), float(known["longer"]), float(known["threshold"]))

    def of_windows(self, logits: Tensor) -> Tensor:
        """Probability that an event is aligned, where half of all windows hold one."""
        slope, offset = self.window
        return torch.sigmoid(slope * logits + offset)

    def of_traces(self, highest: Tensor, frames: int) -> Tensor:
        """(n,) highest logits of traces of `frames` at 10 Hz -> probability of a cell, where half of all traces are of cells."""
        slope, offset = self.trace
        return torch.sigmoid(slope * highest + offset + self.longer * float(np.log2(frames / RATE / MINUTE)))

    def logit(self, probability: float) -> float:
        """The logit at which a window has this probability."""
        slope, offset = self.window
        return float((np.log(probability) - np.log1p(-probability) - offset) / slope)

    def plain(self) -> dict[str, Any]:
        """For a card."""
        return asdict(self)
