"""A constant background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.background.base import Neuropil


@dataclass(frozen=True)
class Constant:
    """The same level everywhere, always.

    Args:
        level: relative to the neuropil of the other backgrounds; 0 for cells on black.
    """

    level: float = 1.0

    def __post_init__(self) -> None:
        if self.level < 0:
            raise UserError(f"neuropil.level must be 0 or more, got {self.level}")

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Neuropil:
        """No fluctuation: m = 0."""
        pixels = size[0] * size[1]
        return Neuropil(np.full(size, self.level), np.zeros((pixels, 0), np.float32), np.zeros((0, frames), np.float32))
