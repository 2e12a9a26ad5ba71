"""What the benchmarks share: movies and parts from the shipped configurations, and the scores of a result.

Every movie is drawn from a seed that no training saw. A movie is named by its overrides of `configs/demo.yaml`, so that its name says how
to make it again: detectnmf simulate movie.tif scene=demo NAME.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import numpy as np
from hydra import compose as compose_config
from hydra import initialize_config_module
from hydra.utils import instantiate
from omegaconf import DictConfig
from scipy import sparse

import detectnmf
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.judge.evaluate import evaluate
from detectnmf.judge.match import NOBODY, assign, mask_overlap, trace_cosine
from detectnmf.judge.oracle import oracle_traces
from detectnmf.pipeline import Pipeline, assemble
from detectnmf.recording import Recording
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulated
from detectnmf.tasks.run import build_pipeline as build_job
from detectnmf.traces.project import raw_traces

FIRST_SEED = 1000
DIAMETER = 12.0  # px, of the simulated somata
LEAST_SNR = 3.0  # peak over noise from which a cell is asked for in two-photon movies
Scores = dict[str, float]


def compose(overrides: tuple[str, ...]) -> DictConfig:
    """The demo's configuration with some knobs changed.

    Raises:
        hydra.errors.HydraException: there is no such knob.
    """
    with initialize_config_module("detectnmf.configs", version_base=None):
        return compose_config("demo", list(overrides))


def build(config: DictConfig, part: str) -> Any:
    return instantiate(config[part], _convert_="all")


def build_pipeline(config: DictConfig) -> Pipeline:
    """The very pipeline that the command line builds."""
    return build_job(SimpleNamespace(config=config, build=lambda part: build(config, part)))  # type: ignore[arg-type]


def simulate(config: DictConfig, seed: int) -> Simulated:
    """A movie with its truth, in memory: drawn and rendered once, however often it is read."""
    made = build(config, "sim")(np.random.default_rng(seed))
    return replace(made, recording=replace(made.recording, frames=made.recording[:]))


@dataclass(frozen=True)
class Ready:
    """A compressor, or a sparsener, that has done its work already."""

    movie: Compressed
    decay: float = 0.6

    def __call__(self, recording: Recording | Compressed, runtime: Runtime) -> Compressed:
        return self.movie


@dataclass(frozen=True)
class Case:
    """A simulated movie to be demixed; compressed once for all methods.

    Args:
        overrides: of the demo's configuration. seed: of the movie.
        device: cpu, cuda.
    """

    overrides: tuple[str, ...]
    seed: int
    device: str = "cpu"

    @cached_property
    def runtime(self) -> Runtime:
        return Runtime(device=self.device, quiet=True)

    @cached_property
    def config(self) -> DictConfig:
        return compose(self.overrides)

    @cached_property
    def made(self) -> Simulated:
        return simulate(self.config, self.seed)

    @property
    def truth(self) -> DemixResult:
        return self.made.truth

    @cached_property
    def movie(self) -> Compressed:
        return build(self.config, "compress")(self.made.recording, self.runtime)

    def run(self, *changes: str, alter: Callable[[Pipeline], Pipeline] = lambda pipeline: pipeline) -> DemixResult:
        """The full pipeline with default settings but for some changes, by name or to the built parts."""
        pipeline = build_pipeline(compose((*self.overrides, *changes)))
        if not any(change.startswith("compress") for change in changes):
            pipeline = replace(pipeline, compress=Ready(self.movie))
        return alter(pipeline)(self.made.recording, self.runtime)


def true_seeds(movie: Compressed, truth: DemixResult) -> Components:
    """The true footprints in units of noise, as a perfect finder would give them."""
    A = sparse.csc_array(sparse.diags_array(1 / movie.std.ravel()) @ truth.cells.footprints)
    return Components(A, movie.size)


def from_truth(case: Case) -> DemixResult:
    """Default demixing and background, seeded with the true footprints; nothing is found or judged."""
    movie, parts = case.movie, {part: build(case.config, part) for part in ("demix", "background")}
    seeds = true_seeds(movie, case.truth)
    model = parts["demix"](movie, Model.nothing(movie), seeds, DIAMETER, case.runtime, parts["background"]).model
    return assemble(movie, model, np.arange(len(model)))


def score(result: DemixResult, truth: DemixResult) -> Scores:
    """Of a result, by the one function that scores all of them; *_bright: among cells whose peak is LEAST_SNR times the noise.

    A detection of a dimmer cell is then neither a hit nor a mistake. `raw` and `denoised` are the recovery accuracy of those traces.
    """
    found = evaluate(replace(result, movie=None), truth)
    bright = truth.quality["snr"] >= LEAST_SNR
    similarity, partner = np.asarray(found.similarity), np.asarray(found.partner)
    iou = mask_overlap(truth.cells, result.cells).iou
    hit = assign(iou[bright], 0.5)
    hit = hit[hit != NOBODY]
    rest = np.setdiff1d(np.arange(iou.shape[1]), hit)
    aside = int((assign(iou[~bright][:, rest], 0.5) != NOBODY).sum())
    raw = raw_traces(result, np.arange(len(result.cells)))
    projected = None if raw is None else replace(result, movie=None, cells=replace(result.cells, traces=raw))
    return {
        "true": found.true_cells,
        "found": found.found_cells,
        "false": found.false_positives,
        "f1": found.strict.f1,
        "recovery": found.recovery_accuracy,
        "raw": float("nan") if projected is None else evaluate(projected, truth).recovery_accuracy,
        "denoised": found.denoised_accuracy,
        "correlation": found.trace_correlation,
        "duplicates": found.duplicates,
        "splits": found.splits,
        "merges": found.merges,
        "bright": int(bright.sum()),
        "f1_bright": 2 * len(hit) / max(int(bright.sum()) + iou.shape[1] - aside, 1),
        "recovery_bright": float(similarity[bright].mean()) if bright.any() else float("nan"),
        "correlation_bright": float(np.median(similarity[bright & (partner != NOBODY)])) if (bright & (partner != NOBODY)).any() else 0.0,
    }


def oracle(case: Case) -> Scores:
    """Scores of the oracle: non-negative regression of the compressed movie on the true footprints; it finds everything."""
    truth = case.truth
    pairs = zip(oracle_traces(case.movie, truth), truth.cells.traces, strict=True)  # type: ignore[arg-type]
    similar = np.array([trace_cosine(one[None], other[None])[0, 0] for one, other in pairs])
    bright = truth.quality["snr"] >= LEAST_SNR
    return {
        "true": len(similar),
        "recovery": float(similar.mean()),
        "correlation": float(np.median(similar)),
        "bright": int(bright.sum()),
        "recovery_bright": float(similar[bright].mean()),
        "correlation_bright": float(np.median(similar[bright])),
    }


def versions(*more: str) -> str:
    """What it ran on, for the foot of a page."""
    names = [f"{name} {version(name)}" for name in ("torch", "numpy", "scipy", "scikit-learn", *more)]
    return f"detectnmf {detectnmf.__version__}, Python {platform.python_version()}, {', '.join(names)}, {os.cpu_count()} cores"
