"""localNMF: alternate space and time in U, V space; revise supports, cells and background every few iterations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.background.base import Background
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.absorb import absorb
from detectnmf.demix.base import Demixed
from detectnmf.demix.grams import Target, baseline, objective
from detectnmf.demix.hals import normalise, spatial, temporal
from detectnmf.demix.history import History
from detectnmf.demix.merge import merge
from detectnmf.demix.model import Model
from detectnmf.demix.pattern import Pattern
from detectnmf.demix.prune import doubtful
from detectnmf.demix.residual import usable
from detectnmf.demix.start import extend, join
from detectnmf.demix.supports import update
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

FEW = 9  # pixels more than `most_area` allows: cells of one or two pixels blur into their neighbours


@dataclass(frozen=True)
class LocalNMF:
    """HALS on the compressed movie with growing supports (maskNMF, appendix B to H).

    The objective never rises, except where supports, cells or background change; those iterations are marked in the history.

    Args:
        iterations: at most.
        structure_every: iterations between revisions of supports, cells and background; sooner when the objective stands still.
        support_factors: fraction of a cell's highest residual correlation that a pixel must reach, revision by revision;
            tight at first, the last one stays.
        tolerance: relative change of the objective below which it stands still.
        sweeps: passes over all cells within an iteration, in space and in time.
        growth_diameters: growth of a support per revision (cell diameters).
        extent_diameters: farthest pixel from a footprint's peak (cell diameters).
        floor: noise left in each pixel of the denoised movie (units of noise).
        smallest: pixels of a seed below this fraction of its maximum are left out.
        merge_correlation: touching cells merge only if their traces correlate so much ...
        merge_price: ... and the loss is below this part of the weaker cell's energy.
        merge_twin: footprint cosine above which only the price counts.
        absorb_price: a cell goes when its neighbours' traces explain its own but for this part of the energy.
        least_correlation: a cell's highest residual correlation, at least.
        least_brightness: height of its peaks over the recording's noise in its matched filter, at least.
        least_area: number of pixels, as part of the area of a disc of the cell diameter, at least ...
        most_area: ... and at most.
    """

    iterations: int = 30
    structure_every: int = 4
    support_factors: tuple[float, ...] = (0.95, 0.9, 0.8, 0.7, 0.6)
    tolerance: float = 1e-4
    sweeps: int = 2
    growth_diameters: float = 0.25
    extent_diameters: float = 1.5
    floor: float = 0.1
    smallest: float = 0.1
    merge_correlation: float = 0.8
    merge_price: float = 0.15
    merge_twin: float = 0.9
    absorb_price: float = 0.1
    least_correlation: float = 0.2
    least_brightness: float = 3.0
    least_area: float = 0.05
    most_area: float = 5.0

    def __call__(
        self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime, background: Background
    ) -> Demixed:
        good = usable(movie)
        state = State(
            join(model, seeds, good, self.smallest),
            extend(model.C, torch.zeros((len(seeds), len(movie)))),
            extend(model.score, torch.from_numpy(np.asarray(seeds.score, np.float32))),
            Target.of(movie, model.B),
            model.B,
        )
        state = self._background(movie, state, diameter, runtime, background)
        history = History()
        pattern = Pattern.of(state.footprints, movie.U)
        last, revision = np.inf, 0
        quiet = False  # the last revision changed nothing
        steps = runtime.progress(range(self.iterations), "demix", self.iterations)
        structural = True
        for iteration in steps:
            values = spatial(state.target, pattern, pattern.values(state.footprints), state.C, self.sweeps)
            footprints = pattern.matrix(values)
            A = SparseMatrix(footprints, movie.device)
            C = temporal(state.target, A, state.C, pattern.colours, self.sweeps)
            state = State(footprints, C, state.score, state.target, state.B)
            now = objective(state.target, A, C, baseline(state.target, A, C))
            history.add(now / (len(good) * len(movie)), len(C), structural)
            still, structural = last - now <= self.tolerance * now, False
            last = now
            final = revision >= len(self.support_factors)
            if not len(C) or (still and final and quiet):
                break
            left = self.iterations - iteration - 1
            if left >= 2 and (still or (iteration + 1) % self.structure_every == 0):
                factor = self.support_factors[min(revision, len(self.support_factors) - 1)]
                before = state
                state, merged, deleted = self._revise(state, movie.size, good, diameter, factor)
                state = self._background(movie, state, diameter, runtime, background)
                pattern = Pattern.of(state.footprints, movie.U)
                quiet = not merged and not deleted and same(before.footprints, state.footprints)
                history.revised(merged, deleted)
                revision, structural, last = revision + 1, True, np.inf
        return Demixed(self._finish(movie, state), history.arrays())

    def _revise(self, state: State, size: tuple[int, int], good: np.ndarray, diameter: float, factor: float) -> tuple[State, int, int]:
        """Supports, merging, deletion."""
        if not len(state.C):
            return state, 0, 0
        reach = max(1, round(self.growth_diameters * diameter))
        extent = max(1.0, self.extent_diameters * diameter)
        found = update(state.target, state.footprints, state.C, size, good, factor, reach, extent, self.floor)
        joined = merge(found.footprints, state.C, size, self.merge_correlation, self.merge_price, self.merge_twin)
        merged, score = joined.pairs, self._pick(state.score, joined.origin)
        peak = found.peak[joined.origin]
        joined = absorb(joined.footprints, joined.C, size, self.absorb_price)
        merged, score, peak = merged + joined.pairs, self._pick(score, joined.origin), peak[joined.origin]
        disc = np.pi / 4 * diameter**2
        area = max(1, round(self.least_area * disc)), round(self.most_area * disc) + FEW
        gone = doubtful(joined.footprints, joined.C, peak, self.least_correlation, self.least_brightness, area)
        kept = np.flatnonzero(~gone)
        kept_C, kept_score = self._pick(joined.C, kept), self._pick(score, kept)
        return State(joined.footprints[:, kept], kept_C, kept_score, state.target, state.B), merged, int(gone.sum())

    @staticmethod
    def _pick(rows: Tensor, chosen: np.ndarray) -> Tensor:
        return rows[torch.from_numpy(chosen).to(rows.device)]

    def _background(self, movie: Compressed, state: State, diameter: float, runtime: Runtime, background: Background) -> State:
        """The background around the present supports, and the traces fitted to what it leaves."""
        A = SparseMatrix(state.footprints, movie.device)
        B = background(movie, state.model(A), diameter, runtime)
        target = Target.of(movie, B)
        pattern = Pattern.of(state.footprints, movie.U)
        return State(state.footprints, temporal(target, A, state.C, pattern.colours, 2 * self.sweeps), state.score, target, B)

    def _finish(self, movie: Compressed, state: State) -> Model:
        """Drop what became empty, scale each footprint's maximum to 1, fit the baseline."""
        alive = np.asarray(state.footprints.max(axis=0).todense()).ravel() > 0 if state.footprints.nnz else np.zeros(len(state.C), bool)
        alive &= (state.C.amax(dim=1) > 0).cpu().numpy() if len(state.C) else True
        kept = np.flatnonzero(alive)
        chosen = torch.from_numpy(kept).to(state.C.device)
        footprints = sparse.csc_array(state.footprints[:, kept])
        footprints.eliminate_zeros()
        footprints, C = normalise(footprints, state.C[chosen])
        return State(footprints, C, state.score[chosen], state.target, state.B).model(SparseMatrix(footprints, movie.device))


@dataclass(frozen=True)
class State:
    """What an iteration hands to the next: footprints (P, K) with their support as explicit entries, traces, what they must explain."""

    footprints: sparse.csc_array
    C: Tensor
    score: Tensor
    target: Target
    B: Tensor

    def model(self, A: SparseMatrix) -> Model:
        return Model(A, self.C, baseline(self.target, A, self.C), self.B, self.score)


def same(before: sparse.csc_array, after: sparse.csc_array, tolerance: float = 0.01) -> bool:
    """True when two sets of supports differ by at most a small part of their pixels."""
    if before.shape != after.shape:
        return False
    first, second = before.copy(), after.copy()
    first.data[:], second.data[:] = 1, 1
    return (first != second).nnz <= tolerance * max(after.nnz, 1)
