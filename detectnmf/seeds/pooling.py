"""Randomised max-pooling: more seeds than there are cells (sc-CNMF, §3.2, Over-complete Seeds Initialization)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from detectnmf.demix.supports import disc
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.foreground import Foreground

STREAM = 31  # of the random numbers


@dataclass(frozen=True)
class RandomMaxPooling:
    """All local maxima of the maximum over some frames, for several random choices of frames; their union.

    A cell that is outshone by a brighter one in the maximum over all frames is likely to stand alone in one over a few.

    Args:
        rounds: choices of frames.
        share: part of the frames that is chosen each time.
        spacing_diameters: a maximum is the highest within this radius (cell diameters; at least its eight neighbours).
        least: height of a maximum above rest, at least (units of noise).
    """

    rounds: int = 20
    share: float = 0.1
    spacing_diameters: float = 0.25
    least: float = 0.5

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UserError(f"pooling.rounds must be at least 1, got {self.rounds}")
        if not 0 < self.share <= 1:
            raise UserError(f"pooling.share is a part of the frames, above 0 and at most 1, got {self.share}")

    def __call__(self, above: Foreground, diameter: float, runtime: Runtime) -> np.ndarray:
        """(n,) pixels, ascending."""
        highest = self.maxima(above, runtime)
        reach = disc(max(1, round(self.spacing_diameters * diameter)))
        around = np.zeros((2 * reach.max() + 1,) * 2, bool)
        around[tuple((reach + reach.max()).T)] = True
        if around.shape == (3, 3):
            around[:] = True
        good = above.good.reshape(above.size)
        found = np.zeros(above.size, bool)
        for image in highest.reshape(-1, *above.size):
            image = np.where(good, image, -np.inf)
            found |= (image == ndimage.maximum_filter(image, footprint=around)) & (image >= self.least)
        return np.flatnonzero(found)

    def maxima(self, above: Foreground, runtime: Runtime) -> np.ndarray:
        """(rounds, P) maximum of each random choice of frames."""
        frames = len(above)
        count = max(1, round(self.share * frames))
        rng = runtime.rng(STREAM)
        chosen = np.stack([np.isin(np.arange(frames), rng.choice(frames, count, replace=False)) for _ in range(self.rounds)])
        highest = torch.full((self.rounds, len(above.rest)), -torch.inf, device=above.V.device)
        step = runtime.batch(len(above.rest) * 4 * 3, most=256)
        for start in range(0, frames, step):
            dense = above.frames(slice(start, start + step)).T.contiguous()
            for best, mine in zip(highest, chosen[:, start : start + step], strict=True):
                if mine.any():
                    torch.maximum(best, dense[torch.from_numpy(mine).to(dense.device)].amax(dim=0), out=best)
        return highest.cpu().numpy()
