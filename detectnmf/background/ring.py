"""The ring model of the fluctuating background (maskNMF, appendix H), masked and renormalised.

The background at a pixel is a weight times what a ring around it predicts, x. Ring pixels inside any cell's support are
left out and the rest is renormalised, so no cell's activity enters and W A = 0: the background depends on where the cells
are, not on their traces. What differs from the paper:

- The prediction is a plane fitted to the ring, not its mean: a mean over a ring of which one side is masked, or cut off by the
  border, is the value of some other place.
- A background reaches a pixel from all sides, a cell that was not found yet comes in from one: each side of the ring
  must explain the pixel, or it gets no background. In a field full of background one side is let off: some cell may lie there.
- The weight, the regression x·y / ‖x‖² of the open pixels y on their ring, is used outside the supports only: inside, a
  regression cannot tell background from a cell that was fitted to it, and takes the weight of the open pixels around.
- Rings and weights are computed on a grid of a few points per cell diameter, in the recording's units, in which a background
  is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.background.coarse import Coarse, Remembered, binned, check_fineness, energy, pieces, scaled
from detectnmf.background.grid import Neighbourhood
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

SIDE_OPEN = 0.1  # a side of a ring has a say when so much of it is outside all supports


@dataclass(frozen=True)
class Ring:
    """Ring around each point of a grid, one weight for each.

    A weight counts fully when the ring explains its pixels with a correlation of `sure` or more, not at all below `chance`:
    a movie without background gets none.

    Args:
        inner_diameters, outer_diameters: radii of the ring (cell diameters). The nearer, the better it predicts; the inner one
            keeps a cell that was not found yet out of its own background.
        points_per_diameter: fineness of the grid on which rings are computed.
        sides: sectors of a ring, each of which must explain the pixels within ...
        dissent: ... but for so many, in a field full of background.
        common: part of the open field with background from all sides that makes it full; below half of that, no side is let off.
        stiffness: pull of the plane fitted to a ring towards its mean.
        chance: correlation below which the ring explains nothing.
        sure: correlation from which its weight is kept as it is.
        steepest: highest weight; a background is smooth, so that it is hardly ever twice what its ring predicts. What is,
            is a cell that was not found yet and reaches its own ring.
        floor: noise left in the denoised movie (units of noise), counted with each pixel.
        least_open: least part of a ring that must be outside all supports.

    Raises:
        UserError: no sides, or more dissent than sides.
    """

    inner_diameters: float = 0.75
    outer_diameters: float = 1.25
    points_per_diameter: float = 3.0
    sides: int = 4
    dissent: int = 1
    common: float = 0.4
    stiffness: float = 0.02
    chance: float = 0.4
    sure: float = 0.6
    steepest: float = 2.0
    floor: float = 0.1
    least_open: float = 0.02
    _layout: Remembered[Layout] = field(default_factory=Remembered, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fineness(self.points_per_diameter)
        if not 0 <= self.inner_diameters < self.outer_diameters:
            raise UserError(
                f"background.inner_diameters must be 0 or more and below outer_diameters={self.outer_diameters}, got {self.inner_diameters}"
            )
        if not 0 <= self.dissent < self.sides:
            raise UserError(f"background.dissent must be 0 or more and below sides={self.sides}, got {self.dissent}")

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Tensor:
        if not movie.rank:
            return torch.zeros_like(movie.V)
        layout = self._layout(movie, diameter, lambda: self._lay(movie, diameter, runtime))
        coarse, ring = layout.coarse, layout.ring
        open_ = coarse.open(model)
        count = coarse.add @ open_
        enough = ring.sums() @ count > self.least_open * (ring.sums() @ coarse.total)
        if not enough.any():
            return torch.zeros_like(movie.V)
        pooled, plane = coarse.pool(movie, open_), ring.planes(count, self.stiffness)
        weight = self._weights(layout, count, enough, self._products(layout, movie, pooled, plane, open_, count, runtime))
        return coarse.back([scaled(plane, weight), pooled], movie.V, runtime)

    def _lay(self, movie: Compressed, diameter: float, runtime: Runtime) -> Layout:
        coarse = Coarse.of(movie, max(1, round(diameter / self.points_per_diameter)))
        outer = max(self.outer_diameters * diameter, coarse.grid.step)
        ring = coarse.grid.around(self.inner_diameters * diameter, outer)
        side = ring.sector(self.sides)
        sides = [ring.operator(side == k) for k in range(self.sides)]
        energies = coarse.add @ energy(movie, binned(movie.V), runtime)
        gain = coarse.add @ (coarse.good / coarse.std**2)
        return Layout(coarse, ring, sides, [k @ coarse.total for k in sides], coarse.grid.around(0, outer).sums(), energies, gain)

    def _products(
        self,
        layout: Layout,
        movie: Compressed,
        pooled: sparse.csr_array,
        plane: sparse.csr_array,
        open_: np.ndarray,
        count: np.ndarray,
        runtime: Runtime,
    ) -> Products:
        """How well the rings explain what lies within them, over binned frames."""
        V = binned(movie.V)
        add, predict, *sides = (SparseMatrix(operator, movie.device) for operator in (pooled, plane, *layout.sides))
        total = torch.zeros((3 + 2 * len(sides), len(count)), dtype=torch.float64, device=movie.device)
        for piece in pieces(V.shape[1], len(count), runtime):
            y = add @ V[:, piece].contiguous()
            x = predict @ y
            pairs = [(x, x), (x, y), (y, y)]
            for side in sides:
                s = side @ y
                pairs += [(s, s), (s, y)]
            total += torch.stack([torch.linalg.vecdot(*pair) for pair in pairs])
        xx, xy, yy, *rest = total.cpu().numpy()
        noise = yy + self.floor**2 * V.shape[1] * count * (layout.coarse.add @ (open_ * layout.coarse.std**2))
        whole = correlation(xy, xx, noise)
        there = np.stack([side @ count > SIDE_OPEN * full for side, full in zip(layout.sides, layout.full, strict=True)])
        each = np.stack([correlation(sy, ss, noise) for ss, sy in zip(rest[::2], rest[1::2], strict=True)])
        ranked = np.sort(np.where(there, each, np.inf), axis=0)
        strict, lax = (np.minimum(whole, self._lowest(ranked, there.sum(axis=0), dissent)) for dissent in (0, self.dissent))
        return Products(xx, xy / np.maximum(count, 1), strict, lax)

    @staticmethod
    def _lowest(ranked: np.ndarray, sides: np.ndarray, dissent: int) -> np.ndarray:
        """(Q,) what is left of ascending correlations (sides, Q) as the lowest when so many are let off; 0 where no side is open."""
        place = np.clip(sides - 1, 0, dissent)
        return np.where(sides > 0, ranked[place, np.arange(len(sides))], 0)

    def _weights(self, layout: Layout, count: np.ndarray, enough: np.ndarray, products: Products) -> np.ndarray:
        """(Q,) what the rings' predictions are multiplied with; 0 where the ring explains nothing."""
        coarse = layout.coarse
        told = count * enough
        strict, lax = (np.clip((found - self.chance) / (self.sure - self.chance), 0, 1) for found in (products.strict, products.lax))
        full = np.clip(2 * (told @ strict) / max(self.common * told.sum(), 1e-6) - 1, 0, 1)
        trust = strict + full * (lax - strict)
        weight = np.clip(trust * products.xy / np.maximum(products.xx, 1e-20), 0, self.steepest)
        around = (layout.around @ (told * weight)) / np.maximum(layout.around @ told, 1e-6)
        share = enough * np.minimum(2 * count / np.maximum(coarse.total, 1), 1)  # half of a point's pixels speak for all of them
        weight = enough * (share * weight + (1 - share) * around)
        # more energy than the movie has there is no background, but light from elsewhere on pixels of little noise
        return weight * np.minimum(1, layout.energy / np.maximum(weight**2 * products.xx * layout.gain, 1e-20))


@dataclass(frozen=True)
class Layout:
    """What of a ring depends on the movie alone.

    Args:
        coarse: the movie's grid. ring: its points around each point.
        sides: (Q, Q) each, sums over one side of a ring. full: (Q,) each, the usable pixels there.
        around: (Q, Q) sums over all points within the outer radius.
        energy: (Q,) of the movie over binned frames, in units of noise. gain: (Q,) the energy of an image with value 1.
    """

    coarse: Coarse
    ring: Neighbourhood
    sides: list[sparse.csr_array]
    full: list[np.ndarray]
    around: sparse.csr_array
    energy: np.ndarray
    gain: np.ndarray


@dataclass(frozen=True)
class Products:
    """(Q,) each: sums over time of products of prediction x and pixels' mean y, and the correlation that counts.

    Args:
        strict: the lowest of all sides' and the whole ring's. lax: the same when some sides are let off.
    """

    xx: np.ndarray
    xy: np.ndarray
    strict: np.ndarray
    lax: np.ndarray


def correlation(xy: np.ndarray, xx: np.ndarray, yy: np.ndarray) -> np.ndarray:
    return xy / np.sqrt(np.maximum(xx * yy, 1e-30))
