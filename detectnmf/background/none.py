"""No fluctuating background."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class NoBackground:
    """For movies whose background is static."""

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Tensor:
        return movie.nothing()
