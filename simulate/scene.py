"""`Scene`: what is there, before anyone looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.simulate.background.base import Neuropil
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.traces.base import Activity


@dataclass(frozen=True)
class Scene:
    """Cells and background, all random choices made. The same scene can be rendered through different optics.

    Args:
        shapes: K cells.
        positions: (K, 3) of their somata, µm: z below the focal plane; y and x from the centre of the first pixel.
        brightness: (K,) indicator at rest relative to the neuropil.
        activity: of the K cells.
        neuropil: in units of its own mean.
        seed: of the noise.
        size: (Y, X) px. rate: Hz. pixel_size: µm.
    """

    shapes: tuple[Shape, ...]
    positions: np.ndarray
    brightness: np.ndarray
    activity: Activity
    neuropil: Neuropil
    seed: int
    size: tuple[int, int]
    rate: float
    pixel_size: float

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def frames(self) -> int:
        return int(self.neuropil.temporal.shape[1])

    def first(self, n: int) -> Scene:
        """The same scene with its first n cells only."""
        return Scene(
            self.shapes[:n],
            self.positions[:n],
            self.brightness[:n],
            self.activity[:n],
            self.neuropil,
            self.seed,
            self.size,
            self.rate,
            self.pixel_size,
        )
