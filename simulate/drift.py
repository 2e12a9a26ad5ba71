"""How brightness changes for the whole field at once: `Steady` and the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


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
