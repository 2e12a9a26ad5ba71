"""`SparseSemiNMF`: dips and surges as sparse footprints >= 0 times free courses (oxygen dips, "Our approach").

    min ½ ‖Y − A C − b‖² + α ‖A‖₁    over A ≥ 0 and C with ‖c_k‖ ≤ 1, in units of noise

Without the bound on its course a component could grow there and shrink in space, and α would price nothing. With it, α is in units of the
noise: a square of pixels belongs to an event when what it shows of the event's course exceeds α standard deviations.

A course is free in sign and shape, but only while its event lasts. Free over the whole recording it would follow the noise of its
squares, whose norm grows with the recording's length, and a few seconds of a weak dip would be lost in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy import ndimage, sparse
from torch import Tensor

from detectnmf.background.base import Background
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.base import Demixed
from detectnmf.demix.history import History
from detectnmf.demix.lasso import CoordinateDescent, Lasso
from detectnmf.demix.model import Model
from detectnmf.demix.pieces import Piece, Pieces, fit, groups
from detectnmf.errors import UserError
from detectnmf.events.grid import Grid
from detectnmf.events.scan import Unrest, candidates, lengths, span, strongest, weakest
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

SAME = 0.2  # of the smaller of two footprints that lies in the other, from which departures at the same time are one
ROUNDS = 2  # of pieces and baseline


@dataclass(frozen=True)
class SparseSemiNMF:
    """Alternates space and time, each group of events that touch for itself, until the reconstruction error stops improving.

    Args:
        alpha: price of space, in units of noise: the control of sensitivity. High values suppress weak events, low ones keep them.
        solver: of the spatial step.
        iterations: at most. tolerance: relative change of the reconstruction error at which it stops.
        durations: of departures of a seed's course that are looked for (s). smallest: squares of pixels of an event, at least; a departure
            that is weaker than the weakest event of that size at that price is not tried.
        growth: how far an event may reach beyond its seed (diameters).
        settle: fit without price at the end, on the squares that the price has left: depths are then unbiased.
    """

    alpha: float = 3.0
    solver: Lasso = field(default_factory=CoordinateDescent)
    iterations: int = 30
    tolerance: float = 1e-4
    durations: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    smallest: int = 3
    growth: float = 0.5
    settle: bool = True

    def __post_init__(self) -> None:
        if not self.alpha >= 0:
            raise UserError(f"demix.alpha must be 0 or more (units of noise), got {self.alpha}")
        if self.iterations < 1:
            raise UserError(f"demix.iterations must be at least 1, got {self.iterations}")
        if not self.durations or min(self.durations) <= 0:
            raise UserError(f"demix.durations must be one or more times above 0 s, got {list(self.durations)}")

    def __call__(
        self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime, background: Background
    ) -> Demixed:
        grid = Grid.of(movie, diameter)
        B = background(movie, model, diameter, runtime)
        clean = movie.with_V(movie.V - B)
        Y = grid.courses(clean)
        pieces = Pieces.of(grid, model, self.growth * diameter / grid.edge)
        rest = torch.from_numpy(grid.basis.T @ model.b.cpu().numpy() / grid.noise).to(Y) if len(model) else Y.median(dim=1).values
        left = pieces.residual(Y) - rest[:, None]
        pieces = pieces.joined(self._departing(left, Y - rest[:, None], grid, seeds, diameter, movie.rate))
        unrest = Unrest.of(Y - rest[:, None], lengths(self.durations, movie.rate, len(movie)))
        history = History()
        begun = len(pieces)
        for _ in range(ROUNDS):
            pieces = self._alternate(pieces, Y - rest[:, None], grid, unrest, history)
            rest = pieces.residual(Y).mean(dim=1) if len(pieces) else Y.mean(dim=1)
        if self.settle:
            pieces = self._settled(pieces, Y - rest[:, None])
        history.revised(0, 0, begun - len(pieces))
        error = pieces.residual(Y - rest[:, None]).square().mean() if Y.numel() else torch.zeros(())
        history.add(float(error), len(pieces), True)
        return Demixed(self._model(movie, grid, pieces, rest, B), history.arrays())

    def _departing(self, left: Tensor, whole: Tensor, grid: Grid, seeds: Components, diameter: float, rate: float) -> Pieces:
        """A piece for each time that a seed's course departs from rest."""
        footprints = grid.coarse(seeds.footprints)
        norms = np.sqrt(np.asarray(footprints.power(2).sum(axis=0)).ravel())
        footprints = sparse.csc_array(footprints @ sparse.diags_array(1 / np.maximum(norms, 1e-12)))
        if not footprints.shape[1] or not left.shape[1]:
            return Pieces(())
        turned = SparseMatrix(sparse.csr_array(footprints.T), left.device)
        courses, before = turned @ left, turned @ whole
        courses = courses - courses.median(dim=1, keepdim=True).values
        durations = lengths(self.durations, rate, left.shape[1])
        best, which = (one.cpu().numpy() for one in strongest(courses, durations, each=True))
        alike = overlap(footprints) > SAME
        taken, found = np.zeros((2, *best.shape), bool), []  # downwards and upwards
        heights = np.abs(best)
        heights[
            np.arange(len(best)), heights.argmax(axis=1)
        ] *= -1  # of each seed the strongest; what else happened there waits for the next
        for seed, middle in candidates(np.minimum(heights, 0), weakest(self.alpha, self.smallest)):
            up = int(best[seed, middle] > 0)
            if taken[up, seed, middle]:
                continue
            length = durations[which[seed, middle]]
            start, stop = span(middle, length, left.shape[1])
            now, then = (float(x[seed, start:stop].sum()) for x in (courses, before))
            pad = max(length, round(2 * rate))
            taken[up, alike[seed], max(0, start - pad) : stop + pad] = True
            if then * now < 0.5 * now**2:
                continue  # what a neighbour's fit left
            first, last = span(middle, length, left.shape[1], pad, pad)
            course = torch.zeros(last - first, device=left.device)
            course[start - first : stop - first] = courses[seed, start:stop]
            mine = slice(footprints.indptr[seed], footprints.indptr[seed + 1])
            found.append(
                Piece.about(grid, footprints.indices[mine], footprints.data[mine], first, course, self.growth * diameter / grid.edge)
            )
        return Pieces(tuple(found))

    def _alternate(self, pieces: Pieces, Y: Tensor, grid: Grid, unrest: Unrest, history: History) -> Pieces:
        """Fitted; without those that the price has left too small."""
        fitted: list[Piece] = []
        objective, count = 0.0, max(Y.numel(), 1)
        for group in groups(pieces):
            prices = [self.alpha * unrest(piece.length, bool(piece.course.sum() > 0)) for piece in group]
            done, value = fit(group, Y, prices, self.solver, self.iterations, self.tolerance)
            objective += value
            fitted += [one for one in (in_one_piece(piece, grid) for piece in done) if len(one.squares) and one.area >= self.smallest]
        history.add((float(Y.square().sum()) + 2 * objective) / count, len(fitted), True)
        return Pieces(tuple(fitted))

    def _settled(self, pieces: Pieces, Y: Tensor) -> Pieces:
        """Fitted without price on the squares that are left."""
        kept = Pieces(tuple(piece.tight() for piece in pieces))
        done = [piece for group in groups(kept) for piece in fit(group, Y, [0.0] * len(group), CoordinateDescent(), 3, self.tolerance)[0]]
        return Pieces(tuple(piece for piece in done if piece.area))

    def _model(self, movie: Compressed, grid: Grid, pieces: Pieces, rest: Tensor, B: Tensor) -> Model:
        footprints = grid.footprints(pieces.footprints(len(grid)))
        peak = footprints.max(axis=0).toarray().ravel() if len(pieces) else np.ones(0, np.float32)
        A = SparseMatrix(sparse.csr_array(footprints @ sparse.diags_array(1 / np.maximum(peak, 1e-20))), movie.device)
        C = pieces.courses(len(movie), movie.device) * torch.from_numpy(peak.astype(np.float32)).to(movie.device)[:, None]
        b = torch.from_numpy(grid.basis @ (rest.cpu().numpy() * grid.noise)).float().to(movie.device)
        return Model(A, C, b, B, torch.ones(len(pieces), device=movie.device))


def overlap(footprints: sparse.csc_array) -> np.ndarray:
    """(K, K) share of the smaller of two footprints that lies within the other."""
    mask = footprints.copy()
    mask.data = np.ones_like(mask.data)
    shared = (mask.T @ mask).toarray()
    area = shared.diagonal()
    return np.asarray(shared / np.maximum(np.minimum(area[:, None], area), 1))


def in_one_piece(piece: Piece, grid: Grid) -> Piece:
    """Without squares that do not hang together with the strongest part."""
    image = np.zeros(grid.shape, np.float32)
    values = piece.values.cpu().numpy()
    image[tuple(grid.place[piece.squares].T)] = values
    labels, count = ndimage.label(image > 0, np.ones((3, 3)))
    if count <= 1:
        return piece
    mass = ndimage.sum_labels(image**2, labels, np.arange(1, count + 1))
    mine = labels[tuple(grid.place[piece.squares].T)] == 1 + int(np.argmax(mass))
    return replace(piece, values=torch.where(torch.from_numpy(mine).to(piece.values.device), piece.values, 0.0))
