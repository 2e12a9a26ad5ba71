"""MSE against time of localised NMF: every method on one patch, from the same centres; `fast.py` runs it and writes the page."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import nmf_orders as orders
import numpy as np
import torch
from common import compose, simulate
from scipy import sparse
from sklearn.decomposition import NMF

from detectnmf.background.none import NoBackground
from detectnmf.components import Components
from detectnmf.compress.pmd import PMD
from detectnmf.compress.whole import Whole
from detectnmf.compressed import Compressed
from detectnmf.demix.coarse_to_fine import CoarseToFine
from detectnmf.demix.decimate import Coarse
from detectnmf.demix.fast import FastHALS, Fit, Start, joined
from detectnmf.demix.grams import Target, baseline, objective
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime
from detectnmf.seeds.centres import Centres
from detectnmf.sparse import SparseMatrix

RUNTIME = Runtime(device="cpu", quiet=True, max_memory=6)
DIAMETER = 11.0  # px, of the simulated nuclei, blurred
FRAMES, PIXELS = 30, 2
COARSE, SWEEPS = 5, 2  # iterations on means, passes within an iteration, as in configs/demix/fast.yaml
ONE, BY_FRAMES, PLAIN = "one neuron at a time", "one neuron at a time, frame by frame", "HALS, plain"
NO_MEANS, BEST = "ours, no means", "ours, means of frames and 2 x 2 px"
SKLEARN = (2, 5, 10, 20, 40, 80)  # iterations


@dataclass(frozen=True)
class Point:
    """Seconds, mean square residual, and the shapes (K, P) and traces (K, T) at that time."""

    seconds: float
    error: float
    shapes: np.ndarray
    traces: np.ndarray


@dataclass(frozen=True)
class Patch:
    """A movie with the centres that all methods begin from."""

    problem: orders.Problem
    movie: Compressed
    seeds: Components
    compressed: Compressed
    compressing: float

    @classmethod
    def of(cls, overrides: tuple[str, ...], seed: int) -> Patch:
        recording = simulate(compose(overrides), seed).recording
        movie = unscaled(Whole()(recording, RUNTIME))
        seeds = Centres()(Whole()(recording, RUNTIME), Model.nothing(movie), DIAMETER, RUNTIME)
        D = np.ascontiguousarray(np.moveaxis(recording[:], 0, 2), np.float32)
        start = time.process_time()
        compressed = unscaled(PMD()(recording, RUNTIME))
        return cls(orders.Problem(D, seeds.images()), movie, seeds, compressed, time.process_time() - start)


def unscaled(movie: Compressed) -> Compressed:
    """The same movie with one noise level for all pixels, so that all methods minimise one sum of squares."""
    std = torch.from_numpy(movie.std.ravel())
    if movie.U.nnz == movie.rank:  # each pixel its own basis
        return replace(movie, V=movie.V * std[:, None], std=np.ones_like(movie.std))
    U = SparseMatrix(sparse.diags_array(movie.std.ravel()) @ movie.U.csr)
    assert movie.U_local is not None
    local = SparseMatrix(sparse.diags_array(1 / movie.std.ravel()) @ movie.U_local.csr)
    return replace(movie, U=U, U_local=local, std=np.ones_like(movie.std))


def timed(make: Callable[[], Iterator[tuple[np.ndarray, np.ndarray, Callable[[], float]]]], count: int) -> list[Point]:
    """The first iterates of a method; measuring the error stops the clock."""
    steps, seconds, found = make(), 0.0, []
    for _ in range(count):
        start = time.process_time()
        shapes, traces, error = next(steps)
        seconds += time.process_time() - start
        found.append(Point(seconds, error(), shapes.copy(), traces.copy()))
    return found


def plain(patch: Patch, iterates: Callable[[orders.Problem], orders.Iterates]) -> Callable[[], Iterator]:
    """A method in NumPy."""
    energy = float(np.sum(np.square(patch.problem.D, dtype=np.float64)))

    def make() -> Iterator:
        for S, A in iterates(patch.problem):
            yield S[:-1], A[:-1], lambda S=S, A=A: patch.problem.error(S, A, energy)

    return make


def ours(
    patch: Patch, iterations: int, movie: Compressed | None = None, frames: int = FRAMES, pixels: int = PIXELS
) -> Callable[[], Iterator]:
    """What `CoarseToFine(FastHALS, FastHALS)` does, step by step; `iterations` on means, then on the movie itself."""
    shown = patch.movie if movie is None else movie
    whole = Target.of(patch.movie, patch.movie.nothing())
    demix = FastHALS()

    def begin(movie: Compressed, model: Model) -> Start:
        return Start.of(movie, model, movie.nothing(), demix.light(movie, model, RUNTIME))

    def make() -> Iterator:
        movie = replace(shown)  # knows nothing yet of what can be worked out
        first = begin(movie, coarse(movie) if iterations else joined(movie, Model.nothing(movie), patch.seeds))
        for fit in first.iterates(SWEEPS):
            yield fit.A.csr[:, : first.cells].T, fit.C[: first.cells].numpy(), lambda fit=fit: error(fit)

    def coarse(movie: Compressed) -> Model:
        small = Coarse.of(movie, frames, pixels)
        first = begin(small.movie, joined(small.movie, Model.nothing(small.movie), small.seeds(patch.seeds)))
        fit = list(zip(range(iterations), first.iterates(SWEEPS), strict=False))[-1][1]
        return small.back(first.whole(fit, small.movie.nothing(), torch.ones(first.cells)))

    def error(fit: Fit) -> float:
        A = SparseMatrix(fit.A.csr)
        return objective(whole, A, fit.C, baseline(whole, A, fit.C)) / patch.problem.D.size

    return make


def scikit_learn(patch: Patch, iterations: tuple[int, ...]) -> list[Point]:
    """Its NMF, not localised, for some numbers of iterations."""
    D, found = np.maximum(patch.problem.flat.T, 0), []
    for count in iterations:
        start = time.process_time()
        model = NMF(len(patch.seeds) + 1, init="nndsvda", max_iter=count, tol=0, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            W = model.fit_transform(D)
        seconds = time.process_time() - start
        found.append(Point(seconds, float(np.mean(np.square(D - W @ model.components_, dtype=np.float64))), model.components_, W.T))
    return found


def curves(patch: Patch, long: int) -> dict[str, list[Point]]:
    """Every method; `long` iterations count as converged."""
    found = {
        ONE: timed(plain(patch, orders.one_at_a_time), long // 3),
        BY_FRAMES: timed(plain(patch, orders.one_at_a_time_by_frames), 12),
        PLAIN: timed(plain(patch, orders.hals), long),
        "scikit-learn NMF": scikit_learn(patch, SKLEARN),
    }
    for count in (10, 30, 100):
        found[f"HALS, {count} on means of {FRAMES} frames"] = timed(
            plain(patch, lambda problem, count=count: orders.coarse_to_fine(problem, FRAMES, 1, count)), 10
        )
        found[f"HALS, {count} on means of frames and 2 x 2 px"] = timed(
            plain(patch, lambda problem, count=count: orders.coarse_to_fine(problem, FRAMES, PIXELS, count)), 10
        )
    next(ours(patch, COARSE)())  # what is done once for a process
    found[NO_MEANS] = timed(ours(patch, 0), long)
    found["ours, means of frames"] = timed(ours(patch, COARSE, pixels=1), 10)
    found[BEST] = timed(ours(patch, COARSE), 10)
    found["ours, means, compressed movie"] = timed(ours(patch, COARSE, patch.compressed), 10)
    return found


def whole_call(patch: Patch, movie: Compressed) -> float:
    """Seconds of the demixer as `preset=fast` calls it: with the objective after each iteration, the baseline put where cells rest,
    and the background written into the movie's bases."""
    first = FastHALS(iterations=COARSE, tolerance=1e-3, sweeps=SWEEPS, settle=False)
    demix = CoarseToFine(first, FastHALS(iterations=5, sweeps=SWEEPS, least_brightness=0), FRAMES, PIXELS)
    movie = replace(movie)
    start = time.process_time()
    demix(movie, Model.nothing(movie), patch.seeds, DIAMETER, RUNTIME, NoBackground())
    return time.process_time() - start
