"""Components of simulated movies of which it is known whether they are cells: what the judge's probability is fitted to.

A movie is a kind and a seed. The seed draws its knobs; odd seeds are seeded and demixed so loosely that much comes in that is no cell.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from common import build_pipeline, compose, simulate
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.judge import match
from detectnmf.judge.evaluate import SPATIALLY_SIMILAR
from detectnmf.judge.probability import terms
from detectnmf.runtime import Runtime

TRAINING, HELD_OUT = 100, 500  # first seeds; the other benchmarks begin at 1000
LOOSE = (
    "seeder.superpixels.brightness=3",
    "seeder.superpixels.correlation=0.3",
    "seeder.superpixels.misfit=0.9",
    "seeder.superpixels.purity=0.2",
    "seeder.superpixels.one_sided=1.3",
    "detector.score=0.4",
    "demix.structure.least_brightness=1.5",
)


@dataclass(frozen=True)
class Knobs:
    """Values for a movie: evenly, or evenly on a logarithmic scale."""

    rng: np.random.Generator

    def even(self, low: float, high: float) -> str:
        return f"{self.rng.uniform(low, high):.3g}"

    def log(self, low: float, high: float) -> str:
        return f"{np.exp(self.rng.uniform(np.log(low), np.log(high))):.3g}"

    def whole(self, low: int, high: int) -> str:
        return str(self.rng.integers(low, high + 1))


def somata(k: Knobs) -> list[str]:
    return [f"sim.snr={k.log(3, 14)}", f"sim.cells={k.whole(10, 50)}", f"neuropil.amplitude={k.log(0.01, 0.08)}"]


def dendrites(k: Knobs) -> list[str]:
    return ["experiment=two_photon", f"sim.min_distance={k.even(0, 0.8)}", *somata(k)]


def dim(k: Knobs) -> list[str]:
    return [f"sim.snr={k.log(2, 6)}", f"sim.cells={k.whole(2, 30)}", f"neuropil.amplitude={k.log(0.04, 0.12)}"]


def shaken(k: Knobs) -> list[str]:
    """What registration leaves."""
    return ["motion=rigid", f"motion.rms={k.log(0.1, 0.5)}", "motion.reach=3", "shapes=pyramidal", *somata(k)]


def bessel_dark(k: Knobs) -> list[str]:
    return ["experiment=bessel_density", f"sim.density={k.even(0.3, 3.2)}", f"sim.snr={k.log(4, 16)}"]


def bessel_margin(k: Knobs) -> list[str]:
    """Dendrites of cells outside of the frame are no cells."""
    return [*bessel_dark(k), "sim.margin=40"]


def bessel(k: Knobs) -> list[str]:
    return ["experiment=bessel", f"sim.snr={k.log(4, 16)}", f"sim.cells={k.whole(15, 60)}"]


def miniscope(k: Knobs) -> list[str]:
    return ["experiment=miniscope", f"sim.level={k.log(0.05, 0.5)}", f"sim.cells={k.whole(20, 60)}"]


def one_photon(k: Knobs) -> list[str]:
    still = ["motion.rms=0.02", "motion.reach=0.1"]
    return ["experiment=one_photon", *still, f"sim.cells={k.whole(15, 45)}", f"sim.level={k.log(0.04, 0.2)}"]


def fly(k: Knobs) -> list[str]:
    still = ["motion.rms=0.05", "motion.reach=0.3"]
    return ["experiment=fly", *still, f"sim.cells={k.whole(60, 220)}", f"sim.light={k.log(4, 30)}"]


def zebrafish(k: Knobs) -> list[str]:
    return ["experiment=zebrafish", f"sim.cells={k.whole(40, 110)}", f"sim.snr={k.log(3, 12)}"]


def decoys(k: Knobs) -> list[str]:
    """Twenty seeds at random places, few of which are cells, and nothing that takes the others away."""
    return [*somata(k), "demix.structure.least_brightness=0", "demix.structure.least_correlation=0"]


KINDS = (somata, dendrites, dim, shaken, bessel_dark, bessel_margin, bessel, miniscope, one_photon, fly, zebrafish, decoys)


@dataclass(frozen=True)
class Decoys:
    """A seeder that knows nothing: discs of the cell diameter at random places."""

    count: int
    seed: int

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        rng = np.random.default_rng(self.seed)
        rows, columns = np.indices(movie.size)
        middle = rng.uniform(0, 1, (self.count, 2)) * movie.size
        discs = [((rows - y) ** 2 + (columns - x) ** 2 <= diameter**2 / 4).ravel() for y, x in middle]
        return Components(sparse.csc_array(np.array(discs, np.float32).T), movie.size, score=rng.uniform(0.3, 1, self.count))


@dataclass(frozen=True)
class Measured:
    """All components of one movie, kept or not.

    Args:
        terms: (8, K). true: (K,). snr: (K,). score: what else `evaluate` needs to score any choice of them:
        order (M,) true cells, brightest first; candidates, similarity (M, K).
    """

    terms: np.ndarray
    true: np.ndarray
    snr: np.ndarray
    order: np.ndarray
    candidates: np.ndarray
    similarity: np.ndarray

    def score(self, keep: np.ndarray) -> tuple[float, int, int]:
        """Sum of the recovery accuracy over true cells, false positives, and kept components of a choice (K,)."""
        partner = match.recover(self.order, self.candidates[:, keep], self.similarity[:, keep])
        pairs = np.flatnonzero(partner != match.NOBODY)
        return float(self.similarity[:, keep][pairs, partner[pairs]].sum()), int(keep.sum()) - len(pairs), int(keep.sum())


def overrides(kind: Callable[[Knobs], list[str]], seed: int) -> tuple[str, ...]:
    """Of the demo's configuration, for one movie."""
    knobs = Knobs(np.random.default_rng([seed, KINDS.index(kind)]))
    frames = knobs.whole(300, 900)
    return ("scene=default", f"sim.frames={frames}", "sim.size=[96,96]", *(LOOSE if seed % 2 else ()), *kind(knobs))


def measure(kind: str, seed: int, path: Path) -> str:
    """Simulate, run, measure and save one movie; an empty text, or what went wrong."""
    logging.getLogger("detectnmf").setLevel(logging.ERROR)
    try:
        config = compose(overrides(next(k for k in KINDS if k.__name__ == kind), seed))
        made = simulate(config, seed)
        pipeline = build_pipeline(config)
        if kind == "decoys":
            pipeline = replace(pipeline, seeders={"decoys": Decoys(20, seed), **pipeline.seeders})
        result = pipeline(made.recording, Runtime(device="cpu", quiet=True))
        found, true = Components.join([result.cells, result.rejected]), made.truth.cells
        quality = {name: np.concatenate([result.quality[name], result.rejected_quality[name]]) for name in result.quality}
        near, similarity = match.spatial_cosine(true, found) >= SPATIALLY_SIMILAR, match.trace_cosine(true.traces, found.traces)
        order = np.argsort(-match.brightness(true), kind="stable")
        taken = match.recover(order, near, similarity)
        is_true = np.isin(np.arange(len(found)), taken)
        x = terms(quality, result.provenance["diameter"])
        with open(path.with_suffix(".part"), "wb") as part:
            np.savez(part, terms=x, true=is_true, snr=quality["snr"], order=order, candidates=near, similarity=similarity)
        os.replace(path.with_suffix(".part"), path)
    except Exception:
        return f"{kind}, seed {seed}:\n{traceback.format_exc()}\n"
    return ""


def measure_one(movie: tuple[str, int, Path]) -> str:
    return measure(*movie)


def measure_all(folder: Path, training: int, held_out: int, jobs: int, fresh: bool) -> list[str]:
    """All movies that are not in the folder yet; what went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = [*range(TRAINING, TRAINING + training), *range(HELD_OUT, HELD_OUT + held_out)]
    wanted = [(kind.__name__, seed, folder / f"{kind.__name__}-{seed}.npz") for seed in seeds for kind in KINDS]
    wanted = [one for one in wanted if fresh or not one[2].exists()]
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # of the processes that are started
        os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // jobs)))
    start, wrong = time.perf_counter(), []
    # a new process after every few movies: what they leave in memory is no burden to the next
    with get_context("spawn").Pool(jobs, maxtasksperchild=8) as pool:
        for done, error in enumerate(pool.imap_unordered(measure_one, wanted), 1):
            wrong += [error] if error else []
            print(f"{error}{done} of {len(wanted)} movies, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return wrong


def measured(folder: Path, first: int, count: int) -> dict[tuple[str, int], Measured]:
    """What is in the folder, by kind and seed; movies without a component are left out."""
    found = {}
    for seed in range(first, first + count):
        for kind in KINDS:
            path = folder / f"{kind.__name__}-{seed}.npz"
            if path.exists():
                with np.load(path) as file:
                    movie = Measured(**{name: file[name] for name in file})
                if len(movie.true):
                    found[kind.__name__, seed] = movie
    return found
