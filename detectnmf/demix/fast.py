"""Localised HALS: cells within the patches of their seeds, and one background image times one course (Friedrich 2017).

All activities are updated, then all shapes, each exactly. The background is a component like any other whose patch is the whole field; its
image begins as a low percentile of each pixel's light over time. Beyond the paper a static baseline is eliminated, as in `hals`, so that
movies whose offset was subtracted, even below zero, need no other treatment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.background.base import Background
from detectnmf.background.coarse import projector
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.base import Demixed
from detectnmf.demix.grams import Target, baseline, objective
from detectnmf.demix.hals import spatial, temporal
from detectnmf.demix.history import History
from detectnmf.demix.model import Light, Model
from detectnmf.demix.pattern import Footprints, Pattern
from detectnmf.demix.residual import usable
from detectnmf.demix.settle import settled
from detectnmf.demix.start import extend, join
from detectnmf.demix.state import State
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

SAMPLED = 256  # frames that tell a percentile
COMMON = 0.1  # share of the field that a background takes up, at least
FIRST_SWEEPS = 5  # of the activities, before shapes are touched


@dataclass(frozen=True)
class FastHALS:
    """Non-negative footprints inside the supports of their seeds, non-negative traces, a rank-1 background fitted with them.

    Supports neither grow nor shrink: give seeds with room around them, as `seeder=centres` does.

    Args:
        iterations: at most; in each all activities, then all shapes.
        percentile: of each pixel's light over time with which the background's image begins (%); null leaves the background to the
            part of that name, which is taken out beforehand.
        tolerance: relative change of the objective below which it stands still.
        sweeps: passes over all components within an iteration, in time and in space.
        least_brightness: components whose peaks rise less over the noise in their matched filter are dropped at the end.
        settle: at the end take out of the cells what they show at rest, and drop the dim ones; False hands on everything as it is, to a
            demixer of this kind that goes on.
    """

    iterations: int = 30
    percentile: float | None = 20.0
    tolerance: float = 1e-4
    sweeps: int = 5
    least_brightness: float = 3.0
    settle: bool = True

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.sweeps < 1:
            raise UserError(f"demix.iterations and demix.sweeps must be at least 1, got {self.iterations} and {self.sweeps}")
        if self.percentile is not None and not 0 <= self.percentile <= 100:
            raise UserError(f"demix.percentile must be from 0 to 100 (%), got {self.percentile}; null for no background of its own")

    def __call__(
        self, movie: Compressed, model: Model, seeds: Components, diameter: float, runtime: Runtime, background: Background
    ) -> Demixed:
        known = joined(movie, model, seeds)
        B = background(movie, known, diameter, runtime)
        start = Start.of(movie, known, B, self.light(movie, model, runtime))
        history, last = History(), np.inf
        pixels = max(int((np.diff(movie.U.csr.indptr) > 0).sum()), 1)
        steps = runtime.progress(range(self.iterations), "demix", self.iterations)
        for _, found in zip(steps, start.iterates(self.sweeps), strict=False):
            now = objective(start.target, found.A, found.C, baseline(start.target, found.A, found.C))
            history.add(now / (pixels * len(movie)), start.cells, last == np.inf)
            if last - now <= self.tolerance * now:
                break
            last = now
        if not self.settle:
            return Demixed(start.whole(found, B, known.score), history.arrays())
        return Demixed(settled(start.parted(movie, found, B, known.score), self.least_brightness), history.arrays())

    def light(self, movie: Compressed, model: Model, runtime: Runtime) -> Light | None:
        """Where the background begins: as the model's stands, or else an image of the light at rest that does not change."""
        if model.light is not None or self.percentile is None:
            return model.light
        image = torch.from_numpy(at_rest(movie, model, self.percentile, runtime)).to(movie.device)
        return Light(image, torch.ones(len(movie), device=movie.device)) if bool(image.any()) else None


@dataclass(frozen=True)
class Fit:
    """Footprints A (P, K) on their pattern and traces C (K, T), the background's last."""

    A: Footprints
    C: Tensor


@dataclass(frozen=True)
class Start:
    """What is to be explained, and where it begins.

    Args:
        target: the movie. pattern: of cells and background.
        A: (P, K) at the start. C: (K, T). cells: how many of these are cells; what follows is background.
    """

    target: Target
    pattern: Pattern
    A: sparse.csc_array
    C: Tensor
    cells: int

    @classmethod
    def of(cls, movie: Compressed, model: Model, B: Tensor, light: Light | None) -> Start:
        """From cells, what is subtracted beforehand (R, T), and the background that is fitted with the cells, if any."""
        footprints, C = sparse.csc_array(model.A.csr), model.C
        if light is not None:
            field = np.flatnonzero(usable(movie))
            image = sparse.csc_array((light.image.cpu().numpy()[field], field, [0, len(field)]), shape=(footprints.shape[0], 1))
            footprints = sparse.csc_array(sparse.hstack([footprints, image], format="csc"))
            C = extend(C, light.course[None])
        return cls(Target.of(movie, B), Pattern.of(footprints, movie.U, len(movie)), footprints, C, len(model))

    def iterates(self, sweeps: int = 5) -> Iterator[Fit]:
        """All activities, then all shapes, without end; the objective never rises."""
        fit, count = Fit(self.pattern.footprints(self.pattern.values(self.A)), self.C), max(FIRST_SWEEPS, sweeps)
        while True:
            C = temporal(self.target, fit.A, fit.C, self.pattern.colours, count)
            fit, count = Fit(self.pattern.footprints(spatial(self.target, self.pattern, fit.A.values, C, sweeps)), C), sweeps
            yield fit

    def whole(self, fit: Fit, B: Tensor, score: Tensor) -> Model:
        """Everything as it is, for another start."""
        values = sparse.csc_array(self.pattern.matrix(fit.A.values))
        A, light = SparseMatrix(values[:, : self.cells], fit.C.device), None
        if values.shape[1] > self.cells:
            light = Light(torch.from_numpy(values[:, [self.cells]].toarray()[:, 0]).to(fit.C.device), fit.C[self.cells])
        return Model(A, fit.C[: self.cells], baseline(self.target, fit.A, fit.C), B, score, light)

    def parted(self, movie: Compressed, fit: Fit, B: Tensor, score: Tensor) -> State:
        """The cells, and the background with what was taken out beforehand, in the movie's own bases.

        A background of few pixels is none: it stands for a cell that was not found, and is left in the residual, where it can be.
        """
        values = sparse.csc_array(self.pattern.matrix(fit.A.values))
        cells = sparse.csc_array(values[:, : self.cells])
        target = self.target
        if values.shape[1] > self.cells:
            image = values[:, [self.cells]].toarray()[:, 0]
            if pixels_of(image) >= COMMON * np.count_nonzero(usable(movie)):
                course = fit.C[self.cells] - fit.C[self.cells].mean()
                B = torch.addr(B, projector(movie) @ torch.from_numpy(image).to(movie.device), course)
                target = Target.of(movie, B)
        return State(cells, fit.C[: self.cells], score, target, B)


def pixels_of(image: np.ndarray) -> float:
    """How many pixels an image >= 0 lies in: (Σ x²)² / Σ x⁴, which is n for n pixels that are alike."""
    square = np.square(image, dtype=np.float64)
    return float(square.sum() ** 2 / max(np.square(square).sum(), 1e-300))


def joined(movie: Compressed, model: Model, seeds: Components) -> Model:
    """The model's cells, then the seeds; the trace of a seed begins as the movie at the peak of its footprint."""
    footprints = join(model, seeds, usable(movie), 0.0)
    new = sparse.csc_array(footprints[:, len(model) :])
    peaks = [int(new.indices[a:z][new.data[a:z].argmax()]) if z > a else 0 for a, z in pairwise(new.indptr)]
    courses = SparseMatrix(movie.U.csr[peaks], movie.device) @ movie.V if peaks else movie.V[:0]
    score = extend(model.score, torch.from_numpy(np.asarray(seeds.score, np.float32)))
    return replace(model, A=SparseMatrix(footprints, movie.device), C=extend(model.C, courses), score=score)


def at_rest(movie: Compressed, model: Model, percentile: float, runtime: Runtime) -> np.ndarray:
    """(P,) light above zero while nothing happens, in units of noise: where a model's cells rest, or else a percentile over time (%)."""
    good, mean = usable(movie), (movie.mean / movie.std).ravel()
    level = model.b.cpu().numpy() if len(model) else low(movie, percentile, runtime)
    image = np.where(good, np.maximum(mean + level, 0), 0).astype(np.float32)
    # a pixel without light may still take part, and where nothing is above zero all do alike
    return np.where(good, np.maximum(image, max(1e-3 * float(image.max(initial=0)), 1e-6)), 0).astype(np.float32)


def low(movie: Compressed, percentile: float, runtime: Runtime) -> np.ndarray:
    """(P,) percentile (%) of each pixel of U V over a few frames."""
    V = movie.V[:, :: max(1, len(movie) // SAMPLED)].contiguous()
    place, pixels = max(1, round(percentile / 100 * V.shape[1])) - 1, movie.size[0] * movie.size[1]
    found, step = np.zeros(pixels, np.float32), runtime.batch(V.shape[1] * 4 * 3)
    for first in range(0, pixels, step):
        rows = (movie.U.rows(first, min(first + step, pixels)) @ V).cpu().numpy()
        found[first : first + step] = np.partition(rows, place, axis=1)[:, place]
    return found
