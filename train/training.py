"""`Training`: simulated movies in, one checkpoint with its card out."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

import detectnmf
from detectnmf.compress.base import Compressor
from detectnmf.enhance.base import Enhancer
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime, fast_bfloat16
from detectnmf.simulate.simulator import Simulator
from detectnmf.sparsen.base import Sparsener
from detectnmf.train.examples import Example, Labels
from detectnmf.train.kinds import Kind, Mixture
from detectnmf.train.like import around
from detectnmf.train.output import Unfinished, trainer, weights_file
from detectnmf.train.stream import TEST, Source, Stream, fixed

if TYPE_CHECKING:
    from detectnmf.train.progress import Progress

log = logging.getLogger(__name__)

WAYS = {"workers"}  # knobs that do not change what is learnt
LEAST_ONE = ("steps", "batch", "validation", "test", "scored", "every", "patience", "looks", "per_movie", "window", "drawn")


@dataclass(frozen=True)
class Training:
    """How a detector is trained.

    While it runs, NAME.training holds its state, its log and its pictures; the same command goes on from there after a kill, to the very
    weights that it would have reached. NAME.safetensors appears at the end.

    Args:
        ranges: knobs of the simulator drawn anew for each movie; see `Ranges`.
        kinds: of movies, each with its own parts and ranges; none: all are as the simulator says.
        labels: what counts as a cell.
        steps: optimiser steps. batch: crops per step. learning_rate: the highest; it follows a cosine. ema: see `Learner`.
        workers: processes that simulate; 0 simulates in between, which is slower.
        validation, test: movies in the fixed sets. scored: crops of each. every: steps between scores.
        patience: scores without a better average precision after which training stops.
        looks, per_movie, jitter: see `Source`. window, drawn: movies mixed, and batches for each new one; see `Stream`.
    """

    ranges: Mapping[str, Any]
    labels: Labels
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    steps: int = 4000
    batch: int = 16
    learning_rate: float = 1e-3
    ema: float = 0.998
    workers: int = 1
    validation: int = 12
    test: int = 24
    scored: int = 50
    every: int = 400
    patience: int = 6
    looks: int = 4
    per_movie: int = 200
    jitter: float = 1.3
    window: int = 10
    drawn: int = 25

    use: ClassVar[str] = "use it: detectnmf run MOVIE detector.checkpoint={out}"

    def __post_init__(self) -> None:
        for knob in LEAST_ONE:
            if getattr(self, knob) < 1:
                raise UserError(f"training.{knob} must be at least 1, got {getattr(self, knob)}")
        if not self.jitter >= 1:
            raise UserError(f"training.jitter is a factor of 1 (none) or more, got {self.jitter}")
        if not 0 <= self.ema < 1:
            raise UserError(f"training.ema must be in 0..1, got {self.ema}")

    def like(self, simulator: Simulator) -> Training:
        """The same training, all of its movies about this simulator."""
        return replace(self, ranges=around(simulator), kinds={})

    def __call__(
        self,
        simulator: Simulator,
        compress: Compressor,
        sparsen: Sparsener,
        enhance: Enhancer,
        out: Path,
        runtime: Runtime,
        overwrite: bool = False,
    ) -> Path:
        """Train, or go on with it, and write `out`.safetensors and its card, `out`.md.

        Args:
            enhance: frames are enhanced as a run would, before they are compressed.
            overwrite: an unfinished training of this name with other settings is thrown away.

        Raises:
            UserError: the output folder cannot be written, a range names a knob that is not there, or an unfinished training of this
                name has other settings.
        """
        from detectnmf.train.learner import Learner
        from detectnmf.train.progress import Progress

        out = weights_file(out)
        source = self.source(simulator, compress, sparsen, enhance, runtime.seed)
        unfinished = self._unfinished(out, source, overwrite)
        log.info("simulating %d movies to score on", self.validation)
        examples = fixed(replace(source, per_movie=self.scored), self.validation, workers=self.workers)
        self._check(examples)
        learner = Learner(self.steps, self.learning_rate, self.ema, runtime.seed)
        progress = Progress(examples, min(self.every, self.steps), self.patience, unfinished)
        precision = "bf16-mixed" if fast_bfloat16(runtime.torch_device) else "32-true"
        way: dict[str, Any] = {"max_epochs": -1, "precision": precision, "gradient_clip_val": 5.0, "callbacks": [progress]}
        done = unfinished.steps()
        stream = Stream(source, self.batch, self.window, self.drawn, self.workers, start=done)
        if done:
            log.info("going on from step %d of %s", done, unfinished.folder)
        trainer(runtime, self.steps, unfinished.folder, **way).fit(learner, stream, ckpt_path=unfinished.state if done else None)
        return self._finish(progress, source, out, runtime)

    def source(self, simulator: Simulator, compress: Compressor, sparsen: Sparsener, enhance: Enhancer, seed: int) -> Source:
        """What makes this training's movies."""
        return Source(
            simulator,
            Mixture(self.ranges, self.kinds),
            enhance,
            compress,
            sparsen,
            self.labels,
            jitter=self.jitter,
            looks=self.looks,
            per_movie=self.per_movie,
            seed=seed,
        )

    def _unfinished(self, out: Path, source: Source, overwrite: bool) -> Unfinished:
        learnt = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in WAYS}
        return Unfinished.of(out, (source, learnt), overwrite)

    def _check(self, examples: list[Example]) -> None:
        if not any(len(e.masks) for e in examples):
            raise UserError("no cell can be seen in the simulated movies; raise sim.snr or training.ranges.snr, or activity.events")

    def _finish(self, progress: Progress, source: Source, out: Path, runtime: Runtime) -> Path:
        """Calibrate the best network on the validation set, score it on the test set, write it with its card."""
        from detectnmf.detect.checkpoint import load_network, save_network
        from detectnmf.detect.network import LEAST_SCORE
        from detectnmf.train.card import write_card
        from detectnmf.train.pictures import draw
        from detectnmf.train.score import score_network

        network, _ = load_network(progress.best_file, LEAST_SCORE, runtime.torch_device)
        calibration = score_network(network, progress.examples, runtime.torch_device).fit()
        log.info("simulating %d movies for the test", self.test)
        examples = fixed(replace(source, per_movie=self.scored), self.test, TEST, self.workers)
        scores = score_network(network, examples, runtime.torch_device).calibrated(calibration)
        card = {
            **self._about(source, runtime),
            "steps_done": progress.best_step,
            "seconds": round(progress.seconds),
            "calibration": asdict(calibration),
            "history": progress.history,
            "test": scores.summary(),
        }
        save_network(network, out, card)
        write_card(card, out.with_suffix(".md"))
        draw(network, examples, out.with_suffix(".png"), out.stem)
        progress.unfinished.end()
        return out

    def _about(self, source: Source, runtime: Runtime) -> dict[str, Any]:
        kinds = source.mixture.each(source.simulator)
        parts = ("psf", "shapes", "activity", "neuropil", "camera", "illumination", "motion")
        return {
            "detectnmf": detectnmf.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "device": str(runtime.torch_device),
            "threads": torch.get_num_threads(),
            "seed": source.seed,
            "date": time.strftime("%Y-%m-%d"),
            "kinds": {
                name: {
                    "share": self.kinds[name].share if self.kinds else 1.0,
                    "ranges": {knob: list(ends) for knob, ends in ranges.flat().items()},
                    "parts": {part: repr(getattr(simulator, part)) for part in parts}
                    | {knob: getattr(simulator, knob) for knob in ("frames", "size", "rate", "pixel_size", "cells", "density", "snr")},
                }
                for name, (simulator, ranges) in kinds.items()
            },
            "labels": asdict(self.labels),
            "enhance": repr(source.enhance),
            "compress": repr(source.compress),
            "sparsen": repr(source.sparsen),
            "training": {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("ranges", "kinds", "labels")},
        }
