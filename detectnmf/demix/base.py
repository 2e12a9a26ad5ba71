"""What a demixer is. To add one: write a class with this `__call__` in its own file, and a YAML in configs/demix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from detectnmf.background.base import Background
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class Demixed:
    """The model that was found, and how.

    Args:
        model: A, C, b, B in units of noise; each footprint's maximum is 1.
        history: one entry per iteration: `objective` (mean square residual in units of noise), `cells`, `structural` (True where supports,
            cells or background changed, so that the objective may rise), `merged`, `split`, `deleted`.
    """

    model: Model
    history: dict[str, np.ndarray] = field(default_factory=dict)


class Demixer(Protocol):
    """Explain a compressed movie by cells, baseline and background."""

    def __call__(
        self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime, background: Background
    ) -> Demixed:
        """Start from a model and further seeds; `diameter` in px.

        No seeds and no cells are a valid start: baseline and background alone come back.
        """
        ...
