"""A few smooth images times courses: light that drifts over the whole field in several ways at once.

Found as a truncated singular value decomposition of what the pixels outside all cells show, its images smoothed over more than a
cell, and robust: a cell not found yet is neither smooth nor everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from detectnmf.background.coarse import Coarse, Remembered, check_fineness
from detectnmf.background.factors import cosines, fit
from detectnmf.background.openfield import accepted, look, on
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class LowRank:
    """At most `rank` smooth images, each with a course of mean 0.

    Args:
        rank: number of images.
        smooth_diameters: images are smoothed by planes fitted within this radius (cell diameters).
        points_per_diameter: fineness of the grid.
        stiffness: pull of a plane towards its mean.
        clip: departures from the fit count up to so many times the usual one.
        sweeps: images and courses in turns, at most.
        chance: correlation of a point with a course below which it has no part in it.
        sure: correlation from which it has.
        common: share of the field that must have a part in a course; below half of it the course is none of the background's.
        floor: noise left in each pixel of the denoised movie (units of noise).

    Raises:
        UserError: a rank below 1.
    """

    rank: int = 3
    smooth_diameters: float = 1.5
    points_per_diameter: float = 2.0
    stiffness: float = 0.02
    clip: float = 1.5
    sweeps: int = 20
    chance: float = 0.4
    sure: float = 0.6
    common: float = 0.3
    floor: float = 0.1
    _coarse: Remembered[Coarse] = field(default_factory=Remembered, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fineness(self.points_per_diameter)
        if self.rank < 1:
            raise UserError(f"background.rank must be 1 or more, got {self.rank}; background=none leaves the background out")

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Tensor:
        seen = look(self._coarse, movie, model, diameter, self.points_per_diameter, self.floor)
        if seen is None:
            return torch.zeros_like(movie.V)
        coarse, field_ = seen
        disc = coarse.grid.around(0, max(self.smooth_diameters * diameter, coarse.grid.step))
        plane = SparseMatrix(disc.planes(field_.count, self.stiffness) * field_.count[None, :], movie.device)
        start = on(movie, cosines(coarse.grid.shape, self.rank))
        factors = fit(field_.Y, field_.precision, start, lambda images: plane @ images, self.clip, self.sweeps)
        part = accepted(field_.share(factors, self.chance, self.sure), self.common)
        if not bool((part > 0).any()):
            return torch.zeros_like(movie.V)
        return (coarse.lift @ (factors.images * part)) @ field_.courses(factors, movie, runtime)
