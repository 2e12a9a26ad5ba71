"""The stages of a run, each on its own, for timing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from common import DIAMETER, Case, Ready, build, true_seeds
from floors import Work, synchronise, works
from torch.utils.flop_counter import FlopCounterMode

from detectnmf.background.none import NoBackground
from detectnmf.demix.model import Model
from detectnmf.pipeline import assemble

ITERATIONS = 25
STAGES = ("compress", "sparsen", "detect", "superpixels", "demix", "background", "judge", "traces")


@dataclass(frozen=True)
class Bench:
    """One movie, and every stage of a default run on it. Building it runs each stage once, which warms caches up.

    Demixing starts from the true footprints, has no background and does not stop early: `ITERATIONS` iterations.
    """

    case: Case

    @cached_property
    def stages(self) -> dict[str, Callable[[], object]]:
        case, config, runtime = self.case, self.case.config, self.case.runtime
        compress, judge, background, read = (build(config, part) for part in ("compress", "judge", "background", "traces"))
        seeders = build(config, "seeder")
        finder, superpixels = seeders["maskrcnn"], seeders["superpixels"]
        demix = replace(build(config, "demix"), iterations=ITERATIONS, tolerance=0.0)
        recording, movie = case.made.recording, case.movie
        nothing = Model.nothing(movie)
        seeds = true_seeds(movie, case.truth)
        model = demix(movie, nothing, seeds, DIAMETER, runtime, NoBackground()).model
        result = assemble(movie, model, np.arange(len(model)))
        sparsened = finder.sparsen(movie, runtime)
        shown = replace(finder, sparsen=Ready(sparsened))
        return {
            "compress": lambda: compress(recording, runtime),
            "sparsen": lambda: finder.sparsen(movie, runtime),
            "detect": lambda: shown(movie, nothing, DIAMETER, runtime),
            "superpixels": lambda: superpixels(movie, nothing, DIAMETER, runtime),
            "demix": lambda: demix(movie, nothing, seeds, DIAMETER, runtime, NoBackground()),
            "background": lambda: background(movie, model, DIAMETER, runtime),
            "judge": lambda: judge(movie, model, DIAMETER, runtime),
            "traces": lambda: read(result, runtime),
        }

    @cached_property
    def cold(self) -> float:
        """s of the first compression in this process, which fills caches; to be asked for first."""
        self.case.made  # noqa: B018  simulated beforehand
        start = time.perf_counter()
        self.case.movie  # noqa: B018
        return time.perf_counter() - start

    @cached_property
    def works(self) -> dict[str, Work]:
        """The least work of each stage; the network's is counted while it runs."""
        with FlopCounterMode(display=False) as counter:
            self.stages["detect"]()
        sweeps = build(self.case.config, "demix").sweeps
        recording, movie = self.case.made.recording, self.case.movie
        return works(recording, movie, self.case.truth.cells, ITERATIONS, sweeps, float(counter.get_total_flops()))

    def seconds(self, stage: str) -> float:
        """s of one run of a stage."""
        work = self.stages[stage]
        synchronise(self.case.device)
        start = time.perf_counter()
        work()
        synchronise(self.case.device)
        return time.perf_counter() - start

    @property
    def about(self) -> dict[str, float]:
        """What it was measured on."""
        movie = self.case.movie
        return {"cold": self.cold, "T": len(movie), "P": movie.U.shape[0], "K": len(self.case.truth.cells), "R": movie.rank}
