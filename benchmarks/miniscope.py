"""Ways to find cells in one-photon movies, side by side, and how they are scored (sc-CNMF, §4).

Every way is told the diameter of a cell. A found component is right when it is paired, one to one, with a true cell whose footprint and
trace it resembles: a cosine of at least 0.5 in either, that of traces centred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from baselines import pca_ica
from common import Case, Ready, build, build_pipeline, compose
from finders import greedy_gaussian
from runs import Row

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.footprints import masks
from detectnmf.judge.match import NOBODY, brightness, recover, spatial_cosine, trace_cosine
from detectnmf.judge.oracle import oracle_traces
from detectnmf.pipeline import assemble
from detectnmf.result import DemixResult

DIAMETER = 7.0  # px, full width at half maximum
ALIKE = 0.5
ALONE = "classifier alone"
FIXED = (  # CNMF: supports and number of cells stay as they begin
    "background=rank1",
    "demix.structure_every=1000",
    "demix.tolerance=0",
)


def similar(result: DemixResult, truth: DemixResult) -> Row:
    """Precision and recall; mean cosine of the footprints and of the centred traces of right components."""
    found, true = result.cells, truth.cells
    assert found.traces is not None and true.traces is not None
    space, time = spatial_cosine(true, found), trace_cosine(true.traces, found.traces)
    partner = recover(np.argsort(-brightness(true), kind="stable"), (space >= ALIKE) & (time >= ALIKE), time)
    cells = np.flatnonzero(partner != NOBODY)
    hits = len(cells)
    return {
        "true": len(true),
        "found": len(found),
        "precision": hits / len(found) if len(found) else float("nan"),
        "recall": hits / len(true),
        "spatial": float(space[cells, partner[cells]].mean()) if hits else float("nan"),
        "temporal": float(time[cells, partner[cells]].mean()) if hits else float("nan"),
    }


@dataclass(frozen=True)
class Run:
    """The whole pipeline with some settings, told the diameter alone."""

    changes: tuple[str, ...]

    def __call__(self, case: Case) -> Row:
        pipeline = build_pipeline(compose((*case.overrides, *self.changes)))
        if not any(change.startswith("enhance=") for change in self.changes):
            pipeline = replace(pipeline, compress=Ready(case.movie))
        result = pipeline(case.made.recording, case.runtime, diameter=DIAMETER)
        taken = result.provenance["timings"]
        return {**similar(result, case.truth), "stages": sum(seconds for stage, seconds in taken.items() if stage != "compress")}


def enhanced(case: Case) -> Compressed:
    """The recording enhanced frame by frame, then compressed."""
    config = compose((*case.overrides, "enhance=neural"))
    recording = build(config, "enhance")(case.made.recording, DIAMETER, case.runtime)
    return build(config, "compress")(recording, case.runtime)


def pca_ica_plain(case: Case) -> Row:
    return similar(pca_ica(case.movie, len(case.truth.cells)), case.truth)


def pca_ica_enhanced(case: Case) -> Row:
    return similar(pca_ica(enhanced(case), len(case.truth.cells)), case.truth)


def cnmf(case: Case) -> Row:
    """The greedy start of CNMF, told how many cells there are, and alternating refinement beside a background of rank 1."""
    movie, config = case.movie, compose((*case.overrides, *FIXED))
    seeds = greedy_gaussian(movie, DIAMETER, len(case.truth.cells))
    parts = {part: build(config, part) for part in ("demix", "background")}
    model = parts["demix"](movie, Model.nothing(movie), seeds, DIAMETER, case.runtime, parts["background"]).model
    return similar(assemble(movie, model, np.arange(len(model))), case.truth)


def told(case: Case) -> Row:
    """The oracle: told the true footprints and background, it regresses the compressed movie on them."""
    cells = case.truth.cells
    return similar(replace(case.truth, cells=replace(cells, traces=oracle_traces(case.movie, case.truth))), case.truth)


def seeds(case: Case) -> Row:
    """Seeds after each step that lie in a true cell's mask or in none, and how many cells have one."""
    inside = masks(case.truth.cells.footprints).tocsr()
    steps = _steps(case) | {ALONE: _steps(case, "seeder.cleansing.prominence=null")["classifier"]}
    row: Row = {}
    for step, pixels in steps.items():
        held = inside[pixels]
        right = np.diff(held.indptr) > 0
        row |= {f"{step}, true": int(right.sum()), f"{step}, false": int((~right).sum()), f"{step}, cells": len(np.unique(held.indices))}
    return row


def _steps(case: Case, *changes: str) -> dict[str, np.ndarray]:
    """Pixels of the seeds after each step."""
    seeder = build(compose((*case.overrides, "preset=scnmf", *changes)), "seeder")["cleansing"]
    return dict(seeder.cleanse(case.movie, Model.nothing(case.movie), DIAMETER, case.runtime).steps)


SCNMF, MASKNMF = ("preset=scnmf",), ("preset=masknmf", "detector.checkpoint=one_photon")
METHODS: dict[str, Callable[[Case], Row]] = {
    "oracle": told,
    "scnmf": Run(SCNMF),
    "masknmf": Run(MASKNMF),
    "masknmf, enhanced": Run((*MASKNMF, "enhance=neural")),
    "CNMF": cnmf,
    "PCA/ICA": pca_ica_plain,
    "PCA/ICA, enhanced": pca_ica_enhanced,
}
WITHOUT: dict[str, Callable[[Case], Row]] = {
    "without enhancing": Run((*SCNMF, "seeder.cleansing.enhance=null")),
    "without the mixture": Run((*SCNMF, "seeder.cleansing.prominence=null")),
    "without the LSTM": Run((*SCNMF, "seeder.cleansing.classifier=null")),
    "without merging": Run((*SCNMF, "seeder.cleansing.merging=null")),
    "background of rank 1": Run((*SCNMF, "background=rank1")),
    "as in the paper": Run((*SCNMF, "enhance=neural", "seeder.cleansing.enhance=null", "background=rank1")),
}
