"""What a background must do, and how to add one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Neuropil:
    """A background image that fluctuates, in units of its own mean level (about 1).

    Args:
        baseline: (Y, X) mean over time.
        spatial: (P, m) float32. temporal: (m, T) float32, each row with mean 0. Their product is the fluctuation.
        grain: (Y, X) white noise of unit variance, which the optics blur and average over depth; None for none.
        grain_sd: standard deviation over space, relative, of the neuropil in 1 µm³ of tissue: how strong the grain is.
    """

    baseline: np.ndarray
    spatial: np.ndarray
    temporal: np.ndarray
    grain: np.ndarray | None = None
    grain_sd: float = 0.0


class Background(Protocol):
    """Background of a movie, drawn at random.

    To add one: write a frozen dataclass with `draw` in a file of its own, and a YAML in `configs/neuropil` with its `_target_` and
    knobs. The contract tests find the YAML.
    """

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Neuropil:
        """`frames` frames of (Y, X) = `size` at `rate` Hz and `pixel_size` µm. A field of view that will move is drawn larger."""
        ...
