"""The ring model of the fluctuating background (maskNMF, appendix H), masked and renormalised.

The background at a pixel is a weight times what a ring around it predicts, x. Ring pixels inside any cell's support are
left out and the rest is renormalised, so no cell's activity enters and W A = 0: the background depends on where the cells
are, not on their traces. Two things differ from the paper. The prediction is a plane fitted to the ring, not its mean: a mean
over a ring of which one side is masked, or cut off by the border, is the value of some other place. And the weight, the
regression x·y / ‖x‖² of the pixel y on its ring, is used outside the supports only: inside, a regression cannot tell background
from a cell that was fitted to it, and takes the weight of the open pixels around. Averages are taken in the recording's
units, in which a background is smooth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.background.grid import Grid
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.residual import usable
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

ENOUGH_FRAMES, MOST_BINNED = 512, 8  # the weights need so many time points; average at most so many frames into one
LINE_BYTES = 4 * 2**20  # pixels times time points handled at once: small enough for the cache


@dataclass(frozen=True)
class Ring:
    """Ring around each pixel, one weight for each.

    A weight counts fully when the ring explains its pixel with a correlation of `sure` or more, not at all below `chance`:
    a movie without background gets none.

    Args:
        inner_diameters, outer_diameters: radii of the ring (cell diameters). The nearer, the better it predicts; the inner one
            keeps a cell that was not found yet out of its own background.
        points_per_diameter: fineness of the grid on which rings are computed.
        stiffness: pull of the plane fitted to a ring towards its mean.
        chance: correlation below which the ring explains nothing.
        sure: correlation from which its weight is kept as it is.
        steepest: highest weight; a background is smooth, so that it is hardly ever twice what its ring predicts. What is,
            is a cell that was not found yet and reaches its own ring.
        floor: noise left in the denoised movie (units of noise), counted with each pixel.
        least_open: least part of a ring that must be outside all supports.
    """

    inner_diameters: float = 0.75
    outer_diameters: float = 1.25
    stiffness: float = 0.02
    points_per_diameter: float = 4.0
    chance: float = 0.4
    sure: float = 0.6
    steepest: float = 2.0
    floor: float = 0.1
    least_open: float = 0.02

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Tensor:
        if not movie.rank:
            return torch.zeros_like(movie.V)
        good = usable(movie)
        covered = np.diff(model.A.csr.indptr) > 0  # explicit zeros are pixels into which a support just grew
        open_ = (good & ~covered).astype(np.float32)
        grid = Grid(movie.size, max(1, round(diameter / self.points_per_diameter)))
        add, spread = grid.sum(), grid.interpolate()
        ring = grid.around(self.inner_diameters * diameter, max(self.outer_diameters * diameter, grid.step))
        std = movie.std.ravel().astype(np.float32)
        pooled = sparse.csr_array(add @ (movie.U.csr * (open_ * std)[:, None]))  # (Q, R) open pixels only, recording's units
        count = add @ open_
        enough = ring.sums() @ count > self.least_open * (ring.sums() @ (add @ np.ones_like(open_)))
        known = spread @ enough.astype(np.float32)
        spread = sparse.csr_array(spread * (good / np.maximum(known, 1e-6))[:, None] * enough)
        plane = ring.planes(count, self.stiffness)

        weight = np.minimum(self._weights(movie, pooled, plane, spread, runtime) * std, self.steepest)
        told = open_ * (known > 0)
        around = grid.around(0, max(self.outer_diameters * diameter, grid.step)).sums() @ add
        nearby = grid.interpolate() @ (around @ (told * weight)) / np.maximum(grid.interpolate() @ (around @ told), 1e-6)
        weight = np.where(covered, nearby, weight) / std
        local = _projector(movie) @ sparse.csr_array(spread * weight[:, None])
        B = SparseMatrix(sparse.csr_array(local @ plane @ pooled), movie.device) @ movie.V
        return B - B.mean(dim=1, keepdim=True)

    def _weights(
        self, movie: Compressed, pooled: sparse.csr_array, plane: sparse.csr_array, spread: sparse.csr_array, runtime: Runtime
    ) -> np.ndarray:
        """(P,) regression of each pixel on its ring's prediction, noise units per recording unit; 0 where the ring explains nothing."""
        V = binned(movie.V)
        floor = self.floor**2 * V.shape[1]
        line = V.shape[1] * movie.size[1] * 4
        lines, few = runtime.batch(line * 2, most=movie.size[0]), max(1, LINE_BYTES // line)
        found = []
        for top in range(0, movie.size[0], lines):
            band = slice(top * movie.size[1], min(top + lines, movie.size[0]) * movie.size[1])
            near, *chain = needed(spread[band], plane, pooled)
            predicted = V
            for operator in reversed(chain):
                predicted = SparseMatrix(operator, movie.device) @ predicted
            for start in range(band.start, band.stop, few * movie.size[1]):
                stop = min(start + few * movie.size[1], band.stop)
                x = SparseMatrix(near[start - band.start : stop - band.start], movie.device) @ predicted
                y = movie.U.rows(start, stop) @ V
                xy, xx, yy = (torch.linalg.vecdot(*pair) for pair in ((x, y), (x, x), (y, y)))
                correlation = xy / (xx * (yy + floor)).sqrt().clamp_min(1e-20)
                trust = ((correlation - self.chance) / (self.sure - self.chance)).clamp(0, 1)
                found.append((trust * xy / xx.clamp_min(1e-20)).cpu().numpy())
        return np.concatenate(found)


def binned(V: Tensor) -> Tensor:
    """Centred V averaged over a few frames, where there are plenty: a background is slow."""
    frames = min(MOST_BINNED, max(1, V.shape[1] // ENOUGH_FRAMES))
    V = V[:, : V.shape[1] // frames * frames].unflatten(1, (-1, frames)).mean(dim=2)
    return V - V.mean(dim=1, keepdim=True)


def needed(*chain: sparse.csr_array) -> list[sparse.csr_array]:
    """The factors of a product, each without the rows that the one before it does not use."""
    cut = [chain[0]]
    for operator in chain[1:]:
        rows = np.unique(cut[-1].indices)
        cut[-1] = sparse.csr_array(cut[-1][:, rows])
        cut.append(sparse.csr_array(operator[rows]))
    return cut


def _projector(movie: Compressed) -> sparse.csr_array:
    """(R, P) from a movie to its coefficients: the blended block bases, or least squares for hand-made factors."""
    if movie.U_local is not None:
        return sparse.csr_array(movie.U_local.csr.T)
    U = movie.U.csr.astype(np.float64)
    return sparse.csr_array(np.linalg.pinv((U.T @ U).toarray(), hermitian=True) @ U.T.toarray())
