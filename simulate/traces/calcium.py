"""Cells that fire, seen through a calcium indicator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectnmf.simulate.traces.base import Activity
from detectnmf.simulate.traces.indicator import Indicator
from detectnmf.simulate.traces.spikes import Firing


@dataclass(frozen=True)
class Calcium(Firing, Indicator):
    """Spikes and the fluorescence they cause; its arguments are those of `Indicator` and of `Firing`."""

    where: ClassVar[str] = "activity"

    def __post_init__(self) -> None:
        Indicator.__post_init__(self)
        Firing.__post_init__(self)

    def draw(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """n cells over `frames` frames at `rate` Hz, already active before the first frame.

        Raises:
            UserError: the decay is shorter than a frame.
        """
        before = self.memory(rate)
        spikes = self.spikes(n, before + frames, rate, rng)
        return Activity(self.fluorescence(spikes, rate), spikes[:, before:])
