"""What a trace model must do, and how to add one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Activity:
    """What K cells do.

    Args:
        traces: (K, T) float32, dF/F: fluorescence above rest relative to rest; >= 0, or > -1 for a model of signed events.
        spikes: (K, T) uint16, spikes (or onsets of events) in each frame.
    """

    traces: np.ndarray
    spikes: np.ndarray

    def __getitem__(self, index: slice | np.ndarray) -> Activity:
        return Activity(self.traces[index], self.spikes[index])


class TraceModel(Protocol):
    """Activity of cells, drawn at random.

    To add one: write a frozen dataclass with `draw` in a file of its own, and a YAML in `configs/activity` with its `_target_` and
    knobs. The contract tests find the YAML.
    """

    def draw(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """n cells over `frames` frames at `rate` Hz."""
        ...
