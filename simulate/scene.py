"""`Scene`: what is there, before anyone looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detectnmf.simulate.background.base import Neuropil
from detectnmf.simulate.faults import Acquired
from detectnmf.simulate.illumination.base import Illumination
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.traces.base import Activity


@dataclass(frozen=True)
class Scene:
    """Cells and all else, all random choices made. The same scene can be rendered through different optics.

    The field is the frame with a border on all sides, so that what moves into view is there. N frames pass in the tissue, T of
    them reach the disk (see `Acquired`).

    Args:
        shapes: K cells.
        positions: (K, 3) of their somata, µm: z below the focal plane; y and x from the centre of the field's first pixel.
        brightness: (K,) indicator at rest relative to the neuropil.
        activity: of the K cells, N frames.
        neuropil: of the field, N frames, in units of its own mean.
        illumination: of the field, N frames.
        drift: (N,) gain of all light.
        shifts: (N, gy, gx, 2) px, see `Motion`.
        acquired: which frames reach the disk.
        seed: of the noise.
        size: (Y, X) of the frame, px. border: px on each side. rate: Hz. pixel_size: µm.
    """

    shapes: tuple[Shape, ...]
    positions: np.ndarray
    brightness: np.ndarray
    activity: Activity
    neuropil: Neuropil
    illumination: Illumination
    drift: np.ndarray
    shifts: np.ndarray
    acquired: Acquired
    seed: int
    size: tuple[int, int]
    border: int
    rate: float
    pixel_size: float

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def frames(self) -> int:
        """T."""
        return len(self.acquired.index)

    @property
    def field(self) -> tuple[int, int]:
        """(Y, X) of the frame with its border."""
        return self.size[0] + 2 * self.border, self.size[1] + 2 * self.border

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The frame out of an image (..., Y, X) of the field."""
        inside = slice(self.border, self.border + self.size[0]), slice(self.border, self.border + self.size[1])
        return image[(..., *inside)]

    @property
    def pixels(self) -> np.ndarray:
        """(P,) the field's pixels that are the frame's."""
        return self.crop(np.arange(self.field[0] * self.field[1]).reshape(self.field)).ravel()

    @property
    def inside(self) -> np.ndarray:
        """(K,) True where the soma's centre lies in the frame."""
        places = np.rint(self.positions[:, 1:] / self.pixel_size) - self.border
        return np.asarray(((places >= 0) & (places < self.size)).all(axis=1))

    def first(self, n: int) -> Scene:
        """The same scene with its first n cells only."""
        return replace(
            self, shapes=self.shapes[:n], positions=self.positions[:n], brightness=self.brightness[:n], activity=self.activity[:n]
        )
