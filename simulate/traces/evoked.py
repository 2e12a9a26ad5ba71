"""Cells that answer a stimulus which comes again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.traces.calcium import Calcium


@dataclass(frozen=True)
class Evoked(Calcium):
    """As `Calcium`, with part of each cell's events tied to a stimulus; the first comes at a random time within a period.

    A cell answers at a moment of its own after the stimulus, up to `jitter`, and to each stimulus at most once: where its rate asks for
    more answers than there are stimuli, the rest of its events come at random.

    Args:
        period: from one stimulus to the next (s).
        window: share of the period after the stimulus in which cells answer; at 0 all do at once, at 1 some at any time.
        evoked: share of the events that are answers.
    """

    period: float = 20.0
    window: float = 1.0
    evoked: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.period > 0:
            raise UserError(f"activity.period must be above 0 s, got {self.period}")
        for name in ("window", "evoked"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"activity.{name} is a share from 0 to 1, got {getattr(self, name)}")

    def onsets(self, rates: np.ndarray, duration: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(cell, onset in s) of answers and of other events."""
        answered = np.minimum(self.evoked * rates * self.period, 1)
        stimuli = np.arange(rng.uniform(0, self.period), duration, self.period)
        latency = rng.uniform(0, self.window * self.period, len(rates))
        cell, stimulus = np.nonzero(rng.random((len(rates), len(stimuli))) < answered[:, None])
        onset = stimuli[stimulus] + latency[cell] + self.jitter * rng.standard_normal(len(cell))
        others = super().onsets(rates - answered / self.period, duration, rng)
        return np.concatenate([cell, others[0]]), np.concatenate([onset % duration, others[1]])
