"""What an illumination must do, how to add one, and the plainest: `Even`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Illumination:
    """How much of the light gets through at each place, and how that changes.

    Light at a pixel = profile · tissue · (1 + haemodynamics) · what glows there. To first order the haemodynamics act on the resting
    light alone; transients of cells, a few per cent of a few per cent, are left as they are.

    Args:
        profile: (Y, X) >= 0, maximum 1: the microscope's own field, which stays when the tissue moves (vignetting, uneven lamp).
        tissue: (Y, X) in 0..1: what moves with the tissue (shadows of vessels).
        spatial: (P, m) float32. temporal: (m, T) float32, rows of mean 0: their product is the relative change of the resting
            light over time (haemodynamics); it moves with the tissue.
    """

    profile: np.ndarray
    tissue: np.ndarray
    spatial: np.ndarray
    temporal: np.ndarray


class IlluminationModel(Protocol):
    """Drawn at random for each movie.

    To add one: write a frozen dataclass with `draw` in a file of its own, and a YAML in `configs/illumination` with its `_target_`
    and knobs. The contract tests find the YAML.
    """

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Illumination:
        """For `frames` frames of (Y, X) = `size` at `rate` Hz and `pixel_size` µm."""
        ...


@dataclass(frozen=True)
class Even:
    """The same light everywhere, always."""

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Illumination:
        """No fluctuation: m = 0."""
        pixels = size[0] * size[1]
        return Illumination(np.ones(size), np.ones(size), np.zeros((pixels, 0), np.float32), np.zeros((0, frames), np.float32))
