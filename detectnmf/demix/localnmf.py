"""localNMF: alternate space and time in U, V space; revise supports, cells and background every few iterations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy import sparse

from detectnmf.background.base import Background
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.base import Demixed
from detectnmf.demix.colour import classes
from detectnmf.demix.grams import Target, baseline, objective
from detectnmf.demix.hals import normalise, spatial, temporal
from detectnmf.demix.history import History
from detectnmf.demix.model import Model
from detectnmf.demix.pattern import Pattern
from detectnmf.demix.residual import usable
from detectnmf.demix.rest import at_rest
from detectnmf.demix.start import extend, join
from detectnmf.demix.state import State, rows
from detectnmf.demix.structure import Structure
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

# traces of new seeds are fitted to convergence first: footprints drift away when they are fitted to unfinished traces
FIRST_SWEEPS, LATER_SWEEPS, SETTLED = 50, 4, 1e-3


@dataclass(frozen=True)
class LocalNMF:
    """HALS on the compressed movie with growing supports (maskNMF, appendix B to H).

    The objective never rises, except where supports, cells or background change; those iterations are marked in the history. At
    the end the baseline is put where the cells rest, and the traces are fitted relative to that.

    Args:
        iterations: at most.
        structure: the revisions of supports and cells.
        structure_every: iterations between revisions, and of the background; sooner when the objective stands still.
        support_factors: fraction of a cell's highest residual correlation that a new pixel must reach, revision by revision;
            tight at first, the last one stays.
        later_factors: how many of these, from the end, serve where cells are known already: most supports are as they should be.
        tolerance: relative change of the objective below which it stands still.
        sweeps: passes over all cells within an iteration, in space and in time.
        smallest: pixels of a seed below this fraction of its maximum are left out.
        signed: traces may fall below zero (footprints may not): for dips and voltage.
    """

    iterations: int = 30
    structure: Structure = field(default_factory=Structure)
    structure_every: int = 4
    support_factors: tuple[float, ...] = (0.95, 0.9, 0.8, 0.7, 0.6)
    later_factors: int = 2
    tolerance: float = 1e-3
    sweeps: int = 2
    smallest: float = 0.02
    signed: bool = False

    def __call__(
        self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime, background: Background
    ) -> Demixed:
        good = usable(movie)
        so_far = runtime.partial.load("demix")
        if so_far is None:
            state = State(
                join(model, seeds, good, self.smallest),
                extend(model.C, torch.zeros((len(seeds), len(movie)))),
                extend(model.score, torch.from_numpy(np.asarray(seeds.score, np.float32))),
                Target.of(movie, model.B),
                model.B,
            )
            state = self._background(movie, state, diameter, runtime, background, FIRST_SWEEPS)
            first, revision = 0, max(0, len(self.support_factors) - self.later_factors) if len(model) else 0
            quiet, history = False, History()  # quiet: the last revision changed nothing
        else:  # an interrupted run's state after a revision
            first, revision, quiet, history = (so_far[name] for name in ("iteration", "revision", "quiet", "history"))
            B = so_far["B"]
            state = State(so_far["footprints"], so_far["C"], so_far["score"], Target.of(movie, B), B)
        pattern = Pattern.of(state.footprints, movie.U)
        last, structural = np.inf, True
        for iteration in runtime.progress(range(first, self.iterations), "demix", self.iterations - first):
            values = spatial(state.target, pattern, pattern.values(state.footprints), state.C, self.sweeps)
            footprints = pattern.matrix(values)
            A = pattern.footprints(values)
            C = temporal(state.target, A, state.C, pattern.colours, self.sweeps, signed=self.signed)
            state = replace(state, footprints=footprints, C=C)
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
                before = state.footprints
                revised = self.structure(state, movie.size, movie.std.ravel(), good, diameter, factor, self.signed)
                state = self._background(movie, revised.state, diameter, runtime, background, LATER_SWEEPS)
                pattern = Pattern.of(state.footprints, movie.U)
                quiet = not (revised.merged or revised.split or revised.deleted) and same(before, state.footprints)
                history.revised(revised.merged, revised.split, revised.deleted)
                revision, structural, last = revision + 1, True, np.inf
                if runtime.partial.due:
                    kept = {name: getattr(state, name) for name in ("footprints", "C", "score", "B")}
                    where = {"iteration": iteration + 1, "revision": revision, "quiet": quiet, "history": history}
                    runtime.partial.save("demix", {**kept, **where})
        return Demixed(self._finish(movie, state), history.arrays())

    def _background(self, movie: Compressed, state: State, diameter: float, runtime: Runtime, background: Background, sweeps: int) -> State:
        """The background around the present supports, and the traces fitted to what it leaves."""
        B = background(movie, state.model(), diameter, runtime)
        target = Target.of(movie, B)
        colours = classes(state.footprints)
        C = temporal(target, state.A, state.C, colours, sweeps, SETTLED, signed=self.signed)
        return replace(state, C=C, target=target, B=B)

    def _finish(self, movie: Compressed, state: State) -> Model:
        """Drop what became empty, scale each footprint's maximum to 1, put the baseline where the cells rest."""
        alive = np.asarray(state.footprints.max(axis=0).todense()).ravel() > 0 if state.footprints.nnz else np.zeros(len(state.C), bool)
        alive &= (np.ptp(state.C.cpu().numpy(), axis=1) > 0) if len(state.C) else True
        kept = np.flatnonzero(alive)
        footprints = sparse.csc_array(state.footprints[:, kept])
        footprints.eliminate_zeros()
        footprints, C = normalise(footprints, rows(state.C, kept))
        A = SparseMatrix(footprints, movie.device)
        rested = at_rest(state.target, A, C, classes(footprints), self.signed)
        return Model(A, rested.C, rested.b, state.B, rows(state.score, kept))


def same(before: sparse.csc_array, after: sparse.csc_array, tolerance: float = 0.01) -> bool:
    """True when two sets of supports differ by at most a small part of their pixels."""
    if before.shape != after.shape:
        return False
    first, second = before.copy(), after.copy()
    first.data[:], second.data[:] = 1, 1
    return (first != second).nnz <= tolerance * max(after.nnz, 1)
