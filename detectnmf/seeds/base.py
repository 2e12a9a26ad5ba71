"""What a seeder is. To add one: a class with this `__call__` in its own file, and a YAML in configs/seeder."""

from __future__ import annotations

from typing import Protocol

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime


class Seeder(Protocol):
    """Finds cells that a model does not explain yet."""

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """Footprints without traces, any scale; `diameter` in px. No cells is a valid answer."""
        ...
