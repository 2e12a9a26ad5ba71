"""Two-dimensional Gaussians, the cells of sc-CNMF's simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.surface import spin

FWHM = 2 * np.sqrt(2 * np.log(2))  # in standard deviations
REACH = 3.5  # standard deviations to which a cell is drawn
FINE = 10  # points per standard deviation


@dataclass(frozen=True)
class Gaussian:
    """Flat Gaussian sheets in the focal plane, each as thick as wide; the optics has no say in their shape but for its blur.

    sc-CNMF, section 4: a 2-D Gaussian whose two widths are γ = γ0 + ξ, ξ ~ N(0, 1). At its peak the sheet gives what a well-filled soma
    of that thickness would. Put them into the focal plane (sim.depth=[0,0]): a sheet beside it is dim.

    Args:
        diameter: full width at half maximum, mean γ0 (µm).
        diameter_sd: standard deviation (µm) of the widths, drawn for each dimension.
        rotate: turn each cell at random; else the axes are those of the image, as in the paper.
    """

    diameter: float = 12.0
    diameter_sd: float = 1.0
    rotate: bool = False

    def __post_init__(self) -> None:
        if not self.diameter > 0 or not 0 <= self.diameter_sd < self.diameter:
            raise UserError(
                f"shapes.diameter must be above 0 µm and shapes.diameter_sd below it, got {self.diameter} and {self.diameter_sd}"
            )

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        return [self.draw_one(rng) for _ in range(n)]

    def draw_one(self, rng: np.random.Generator) -> Shape:
        """One cell."""
        widths = np.clip(rng.normal(self.diameter, self.diameter_sd, 2), 0.3 * self.diameter, 3 * self.diameter)  # y, x
        turn = spin(rng.uniform(0, 2 * np.pi) if self.rotate else 0.0, False)
        half = round(REACH * FINE)
        line = np.arange(-half, half + 1) / FINE  # standard deviations
        y, x = (grid.ravel() for grid in np.meshgrid(line, line, indexing="ij"))
        sigma = widths / FWHM
        points = np.stack([np.zeros(y.size), y * sigma[0], x * sigma[1]], axis=1) @ turn
        area = sigma[0] * sigma[1] / FINE**2  # µm², of one point
        return Shape(points, np.exp(-(y**2 + x**2) / 2) * area * np.sqrt(widths[0] * widths[1]))
