"""What a seeder is. To add one: a class with this `__call__` in its own file, and a YAML in configs/seeder."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime


class Seeder(Protocol):
    """Finds cells that a model does not explain yet."""

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """Footprints without traces, any scale; `diameter` in px. No cells is a valid answer."""
        ...


def places(name: str, seeder: Seeder, seeds: Components) -> dict[str, np.ndarray]:
    """Pixels (n,), in C order, at which a seeder just saw cells: the brightest of each footprint.

    A seeder that gets there in several steps has `steps()`: the pixels after each of them, by its name.
    """
    steps = getattr(seeder, "steps", None)
    if steps is not None:
        return {f"{name}: {step}": pixels for step, pixels in steps().items()}
    footprints = sparse.csc_array(seeds.footprints)
    filled = np.flatnonzero(np.diff(footprints.indptr))
    parts = [slice(footprints.indptr[k], footprints.indptr[k + 1]) for k in filled]
    return {name: np.array([footprints.indices[part][np.argmax(footprints.data[part])] for part in parts], np.int64)}
