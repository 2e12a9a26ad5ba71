"""First on means over frames and pixels, then on the movie itself: a demixer around any other (Friedrich 2017, Algorithm 1)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from detectnmf.background.base import Background
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.base import Demixed, Demixer
from detectnmf.demix.decimate import Coarse
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime

logger = logging.getLogger(__name__)

LEAST_FRAMES = 64  # of the coarse movie: fewer do not tell cells apart
LEAST_DIAMETER = 4.0  # px of a cell in the coarse movie


@dataclass(frozen=True)
class CoarseToFine:
    """Footprints do not change while the movie runs, and cells are larger than a pixel: most of the work can be done on a small movie.

    Short movies and small cells are averaged less: what stands in the coarse movie are at least 64 frames and 4 px across a cell.

    Args:
        coarse: demixes the means, from the seeds on. fine: the movie itself, from where the first one stopped.
        frames: averaged into one.
        pixels: edge of the squares that are averaged into one (px).
    """

    coarse: Demixer
    fine: Demixer
    frames: int = 30
    pixels: int = 2

    def __post_init__(self) -> None:
        for name in ("frames", "pixels"):
            if getattr(self, name) < 1:
                raise UserError(f"demix.{name} must be at least 1 (no averaging), got {getattr(self, name)}")

    def __call__(
        self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime, background: Background
    ) -> Demixed:
        frames = max(1, min(self.frames, len(movie) // LEAST_FRAMES))
        pixels = max(1, min(self.pixels, int(diameter / LEAST_DIAMETER)))
        logger.debug("averages of %d frames and %d x %d px", frames, pixels, pixels)
        small = Coarse.of(movie, frames, pixels)
        first = self.coarse(small.movie, small.model(model), small.seeds(seeds), diameter / pixels, runtime, background)
        start = small.back(first.model)
        second = self.fine(movie, start, Components.empty(movie.size), diameter, runtime, background)
        keys = [key for key in first.history if key in second.history]
        history = {key: np.concatenate([first.history[key], second.history[key]]) for key in keys}
        history["structural"] = history["structural"].copy()
        history["structural"][len(first.history["structural"]) :][:1] = True  # another movie
        return Demixed(second.model, history)
