"""What a shape library must do, and how to add one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Part:
    """A part of a cell that answers to the cell's activity in its own way, so that what is seen grows, moves and fades.

    Where the cell's trace is c(t), the part's is sign(c) · max(|c(t - delay)| - threshold · max|c|, 0) / (1 - threshold).

    Args:
        delay: s.
        threshold: share (0..1) of the cell's strongest activity at which the part wakes.
    """

    delay: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True)
class Shape:
    """One cell as a cloud of weighted points, soma at the origin.

    Args:
        points: (N, 3) z, y, x in µm, z along the optical axis, from the surface downwards.
        weights: (N,) >= 0, indicator at each point: concentration times volume (µm³); concentration 1 is a well-filled soma.
        volume: (N,) µm³ of tissue that each point fills and neuropil therefore does not; None displaces nothing.
        kind: which of a mixture's libraries it came from; "" otherwise.
        parts: what answers in its own way; empty if the whole cell flickers as one.
        part: (N,) the part that each point belongs to; None if `parts` is empty.
    """

    points: np.ndarray
    weights: np.ndarray
    volume: np.ndarray | None = None
    kind: str = ""
    parts: tuple[Part, ...] = ()
    part: np.ndarray | None = None


class ShapeLibrary(Protocol):
    """Three-dimensional cells, drawn at random.

    To add one: write a frozen dataclass with `diameter` and `draw` in a file of its own, and a YAML in `configs/shapes` with its
    `_target_` and knobs. The contract tests find the YAML. Files that a library reads are opened when it is made, so that a
    mistake shows before long work starts.
    """

    @property
    def diameter(self) -> float: ...  # µm, typical diameter of a soma

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        ...
