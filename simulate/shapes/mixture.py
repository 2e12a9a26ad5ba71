"""Several libraries side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape, ShapeLibrary


@dataclass(frozen=True)
class Mixture:
    """Each cell comes from one of the libraries, chosen at random; its `kind` is the library's name.

    Args:
        libraries: name -> library.
        shares: name -> weight of the library; they need not add up to 1.
    """

    libraries: Mapping[str, ShapeLibrary]
    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        if set(self.libraries) != set(self.shares) or not self.libraries:
            raise UserError(
                f"shapes.shares must name the libraries of shapes.libraries ({', '.join(self.libraries)}), got {', '.join(self.shares)}"
            )
        if not all(np.isfinite(share) and share >= 0 for share in self.shares.values()) or sum(self.shares.values()) <= 0:
            raise UserError(f"shapes.shares must be 0 or more, and not all 0, got {dict(self.shares)}")

    @property
    def weights(self) -> np.ndarray:
        """(L,) shares that add up to 1, in the libraries' order."""
        shares = np.array([self.shares[name] for name in self.libraries], float)
        return shares / shares.sum()

    @property
    def diameter(self) -> float:
        """Mean over cells (µm)."""
        return float(self.weights @ [library.diameter for library in self.libraries.values()])

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        chosen = rng.choice(len(self.libraries), size=n, p=self.weights)
        drawn: list[Shape | None] = [None] * n
        for k, (name, library) in enumerate(self.libraries.items()):
            places = np.flatnonzero(chosen == k)
            for place, shape in zip(places, library.draw(len(places), rng), strict=True):
                drawn[place] = replace(shape, kind=name)
        return [shape for shape in drawn if shape is not None]
