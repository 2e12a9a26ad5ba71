"""How brightness changes for the whole field at once: `Drift` is the contract; `Steady`, `Bleaching`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.noise import slow_noise


class Drift(Protocol):
    """A gain over time, drawn at random.

    To add one: write a frozen dataclass with `draw`, and a YAML in `configs/drift` with its `_target_` and knobs. The contract
    tests find the YAML.
    """

    def draw(self, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
        """(T,) float32 > 0, about 1 at the start: everything that glows is multiplied by it."""
        ...


@dataclass(frozen=True)
class Steady:
    """No change."""

    def draw(self, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
        """(T,) ones."""
        return np.ones(frames, np.float32)


def bleached(time: np.ndarray, lost: float, tau: float, early: float, early_tau: float) -> np.ndarray:
    """What is left at `time` (s): 1 - lost · (1 - e^(-t/tau)) - early · (1 - e^(-t/early_tau))."""
    return np.asarray(1 + lost * np.expm1(-time / tau) + early * np.expm1(-time / early_tau))


def levels(frames: int, rate: float, step: float, rng: np.random.Generator) -> np.ndarray:
    """(T,) normal levels that hold until the next jump; jumps come at random, `rate` per frame, and are on average 0 ± step."""
    jump = np.cumsum(rng.random(frames) < -np.expm1(-rate))
    return np.asarray(rng.standard_normal(int(jump[-1]) + 1)[jump] * step / np.sqrt(2))


@dataclass(frozen=True)
class Bleaching:
    """The indicator bleaches, fast at first; the lamp or the focus wanders and sometimes jumps.

    Args:
        lost: share of the light that bleaches slowly; 1 - lost - early remains for ever.
        tau: time constant (s).
        early: share that bleaches fast, in the first seconds. 0 for a single exponential.
        early_tau: time constant (s).
        wander: standard deviation of the slow random drift, relative.
        wander_tau: its correlation time (s).
        jumps: per minute; the brightness then holds until the next.
        jump: standard deviation of a jump, relative.
    """

    lost: float = 0.2
    tau: float = 600.0
    early: float = 0.03
    early_tau: float = 10.0
    wander: float = 0.01
    wander_tau: float = 60.0
    jumps: float = 0.2
    jump: float = 0.02

    def __post_init__(self) -> None:
        if min(self.lost, self.early) < 0 or not self.lost + self.early < 1:
            raise UserError(f"drift.lost and drift.early are shares, at least 0 and below 1 in all, got {self.lost} and {self.early}")
        for name in ("tau", "early_tau", "wander_tau"):
            if not getattr(self, name) > 0:
                raise UserError(f"drift.{name} must be above 0 s, got {getattr(self, name)}")
        for name in ("wander", "jump"):
            if not 0 <= getattr(self, name) <= 0.3:
                raise UserError(f"drift.{name} must lie in 0..0.3, got {getattr(self, name)}")
        if self.jumps < 0:
            raise UserError(f"drift.jumps must be 0 per minute or more, got {self.jumps}")

    def draw(self, frames: int, rate: float, rng: np.random.Generator) -> np.ndarray:
        """Bleaching times the exponential of all that is random."""
        lamp, hand = rng.spawn(2)
        random = self.wander * slow_noise(1, frames, self.wander_tau * rate, lamp)[0]
        if self.jumps:
            random += levels(frames, self.jumps / 60 / rate, self.jump, hand)
        left = bleached(np.arange(frames) / rate, self.lost, self.tau, self.early, self.early_tau)
        return np.asarray(left * np.exp(random), np.float32)
