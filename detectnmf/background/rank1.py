"""One image times one course, as in CNMF (Pnevmatikakis 2016; Friedrich 2017): the light that the whole field shares.

The course is what the pixels outside all cells have in common, frame by frame and robust, so that it takes nothing from cells not
found yet. The image b >= 0 is each pixel's regression on it: where cells are, of what their present traces leave.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from detectnmf.background.coarse import Coarse, Remembered, check_fineness
from detectnmf.background.factors import fit
from detectnmf.background.openfield import OpenField, accepted, look, on
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix


@dataclass(frozen=True)
class RankOne:
    """One image b >= 0 and one course f with mean 0.

    Args:
        points_per_diameter: fineness of the grid on which the course is found.
        clip: departures from the fit count up to so many times the usual one.
        sweeps: image and course in turns, at most.
        chance: correlation of a point with the course below which it has no part in it.
        sure: correlation from which it has.
        common: share of the field that must have a part; below half of it there is no background.
        floor: noise left in each pixel of the denoised movie (units of noise).
    """

    points_per_diameter: float = 2.0
    clip: float = 1.5
    sweeps: int = 10
    chance: float = 0.4
    sure: float = 0.6
    common: float = 0.3
    floor: float = 0.1
    _coarse: Remembered[Coarse] = field(default_factory=Remembered, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fineness(self.points_per_diameter)

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Tensor:
        seen = look(self._coarse, movie, model, diameter, self.points_per_diameter, self.floor)
        if seen is None:
            return torch.zeros_like(movie.V)
        coarse, field_ = seen
        start = torch.ones((len(field_.count), 1), device=movie.device)
        factors = fit(field_.Y, field_.precision, start, lambda image: image.clamp_min(0), self.clip, self.sweeps)
        part = float(accepted(field_.share(factors, self.chance, self.sure), self.common)[0])
        if part == 0:
            return torch.zeros_like(movie.V)
        course = field_.courses(factors, movie, runtime)[0]
        image = coarse.onto @ self._image(coarse, field_, movie, model, factors.images[:, 0], course, diameter)
        return part * torch.outer(image, course)

    def _image(
        self, coarse: Coarse, field_: OpenField, movie: Compressed, model: Model, found: Tensor, course: Tensor, diameter: float
    ) -> Tensor:
        """(P,) the image, in units of noise: regression of each pixel on the course; under a cell without a trace yet, as around it."""
        energy = course.square().sum().clamp_min(1e-20)
        image = movie.U @ (movie.V @ course / energy)
        if not len(model):
            return image.clamp_min(0)
        image -= model.A @ (model.C @ course / energy)
        blank = (model.C.amax(dim=1) <= 0).float()
        under = (SparseMatrix(model.A.csr != 0, movie.device) @ blank) > 0
        disc = coarse.grid.around(0, 1.25 * diameter)
        around = disc.planes(field_.count, 0.02) @ (field_.count * found.cpu().numpy())
        smooth = on(movie, coarse.good / coarse.std * (coarse.grid.interpolate() @ around))
        return torch.where(under, smooth, image).clamp_min(0)
