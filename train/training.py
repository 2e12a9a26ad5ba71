"""`Training`: simulated movies in, one checkpoint with its card out."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

import detectnmf
from detectnmf.compress.base import Compressor
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulator
from detectnmf.sparsen.base import Sparsener
from detectnmf.train.examples import Example, Labels
from detectnmf.train.ranges import Ranges
from detectnmf.train.stream import Source, Stream, fixed

log = logging.getLogger(__name__)

SAID = ("steps", "batch", "learning_rate", "validation", "per_patch", "per_movie", "jitter")  # knobs that the card tells


@dataclass(frozen=True)
class Training:
    """How a detector is trained.

    Args:
        ranges: knobs of the simulator drawn anew for each movie; see `Ranges`.
        steps: optimiser steps. batch: crops per step. learning_rate: the highest of the cycle.
        workers: processes that simulate; 0 simulates in between, which is slower.
        validation: movies in the fixed set. every: steps between scores.
        labels: what counts as a cell.
        per_patch, per_movie, jitter, pool, repeats: see `Source` and `Stream`.
    """

    ranges: Mapping[str, Any]
    labels: Labels
    steps: int = 3200
    batch: int = 16
    learning_rate: float = 1e-3
    workers: int = 1
    validation: int = 4
    every: int = 500
    per_patch: int = 30
    per_movie: int = 200
    jitter: float = 1.3
    pool: int = 1500
    repeats: int = 3

    use: ClassVar[str] = "use it: detectnmf run MOVIE detector.checkpoint={out}"

    def __post_init__(self) -> None:
        for knob in ("steps", "batch", "validation", "every", "per_patch", "per_movie", "pool", "repeats"):
            if getattr(self, knob) < 1:
                raise UserError(f"training.{knob} must be at least 1, got {getattr(self, knob)}")

    def __call__(self, simulator: Simulator, compress: Compressor, sparsen: Sparsener, out: Path, runtime: Runtime) -> Path:
        """Train and write `out`.safetensors and its card, `out`.md; the weights are also written at every score.

        Raises:
            UserError: the output folder cannot be written, or a range names a knob that is not there.
        """
        import lightning
        from torch.utils.data import DataLoader

        from detectnmf.train.card import write_card
        from detectnmf.train.learner import Learner

        name = out.name.removesuffix(".safetensors")
        out, page = out.with_name(f"{name}.safetensors"), out.with_name(f"{name}.md")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            page.touch()
        except OSError as error:
            raise UserError(f"{out.parent}: cannot be written ({error.strerror}); choose another with out=FOLDER/NAME") from None
        source = Source(
            simulator, Ranges(self.ranges), compress, sparsen, self.labels, self.jitter, self.per_patch, self.per_movie, runtime.seed
        )
        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advertisements
        lightning.seed_everything(runtime.seed, verbose=False)
        log.info("simulating %d movies to score on", self.validation)
        examples = fixed(source, self.validation)
        if not any(len(e.masks) for e in examples):
            raise UserError("no cell can be seen in the simulated movies; raise sim.snr or training.ranges.snr, or activity.events")
        card = self._card(simulator, compress, sparsen, runtime)
        learner = Learner(self.steps, self.learning_rate, min(self.every, self.steps), examples, out, card)
        loader = DataLoader(
            Stream(source, self.pool, self.repeats),
            self.batch,
            collate_fn=_listed,
            num_workers=self.workers,
            multiprocessing_context="forkserver" if self.workers else None,
            worker_init_fn=_one_thread,
        )
        trainer = lightning.Trainer(
            max_steps=self.steps,
            accelerator="gpu" if runtime.torch_device.type == "cuda" else "cpu",
            devices=[runtime.torch_device.index or 0] if runtime.torch_device.type == "cuda" else 1,
            precision="bf16-mixed",
            logger=lightning.pytorch.loggers.CSVLogger(out.parent, name=f"{name}-log"),
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=not runtime.quiet,
            gradient_clip_val=5.0,
            log_every_n_steps=min(50, self.steps),
        )
        start = time.monotonic()
        trainer.fit(learner, loader)
        learner.card["seconds"] = round(time.monotonic() - start)
        learner.save()
        write_card(learner.card, page)
        return out

    def _card(self, simulator: Simulator, compress: Compressor, sparsen: Sparsener, runtime: Runtime) -> dict[str, Any]:
        parts = {"psf": simulator.psf, "shapes": simulator.shapes, "activity": simulator.activity, "neuropil": simulator.neuropil}
        return {
            "detectnmf": detectnmf.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "device": str(runtime.torch_device),
            "threads": torch.get_num_threads(),
            "seed": runtime.seed,
            "ranges": {knob: list(ends) for knob, ends in Ranges(self.ranges).flat().items()},
            "labels": asdict(self.labels),
            "simulator": {name: repr(part) for name, part in parts.items()} | {"frames": simulator.frames, "size": list(simulator.size)},
            "compress": repr(compress),
            "sparsen": repr(sparsen),
            "training": {knob: getattr(self, knob) for knob in SAID},
        }


def _listed(batch: list[Example]) -> list[Example]:
    return batch


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
