"""What a shape library must do, and how to add one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Shape:
    """One cell as a cloud of weighted points, soma at the origin.

    Args:
        points: (N, 3) z, y, x in µm, z along the optical axis.
        weights: (N,) >= 0, indicator at each point: concentration times volume (µm³); concentration 1 is a well-filled soma.
    """

    points: np.ndarray
    weights: np.ndarray


class ShapeLibrary(Protocol):
    """Three-dimensional cells, drawn at random.

    To add one: write a frozen dataclass with `diameter` and `draw` in a file of its own, and a YAML in `configs/shapes` with its
    `_target_` and knobs. The contract tests find the YAML.
    """

    @property
    def diameter(self) -> float: ...  # µm, typical diameter of a soma

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        ...
