"""`ClassifierTraining`: simulated traces in, one seed classifier with its card out (sc-CNMF, §3.2)."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

import detectnmf
from detectnmf.compress.base import Compressor
from detectnmf.enhance.base import Enhancer
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.lstm import EventNetwork, load_events, save_events
from detectnmf.simulate.simulator import Simulator
from detectnmf.simulate.traces.base import TraceModel
from detectnmf.sparsen.base import Sparsener
from detectnmf.train.labelled import LabelledTraces
from detectnmf.train.output import Unfinished, trainer, weights_file
from detectnmf.train.ranges import Ranges
from detectnmf.train.sequences import CALIBRATION, TEST, VALIDATION, Cutting, Sequences, SequenceStream, gather
from detectnmf.train.sheets import SheetSource
from detectnmf.train.verdicts import by_window, calibrate, highest, judge, scores, window_logits

log = logging.getLogger(__name__)

STRIDE = 5  # frames, of the windows by which whole traces are judged here
LONG = (60.0, 120.0)  # s, of the traces that are judged as a whole
SAID = ("steps", "batch", "learning_rate", "share", "validation", "test", "kinetics", "shot", "disturbed", "cells", "window", "drawn")


@dataclass(frozen=True)
class ClassifierTraining:
    """How a seed classifier is trained; of the simulator it takes the frame rate and the trace model.

    While it runs, NAME.training holds its state and its log; the same command goes on from there after a kill, to the very weights that
    it would have reached.

    Args:
        ranges: knobs of the simulator drawn anew for each sheet of traces; see `Ranges`.
        indicators: trace models beside the simulator's own `activity`.
        firing: knobs of every trace model, drawn from ... to.
        snr: from ... to, of the cells: height of the typical event over the noise of the trace as recorded.
        cutting: how windows are cut and labelled.
        cell: lstm or gru. hidden: units of a layer. layers: one upon the other.
        steps: optimiser steps. batch: windows per step. learning_rate: the highest of the cycle.
        traces: .npz of a user's own labelled traces, see `LabelledTraces`; None for simulated ones alone.
        share: of the sheets that are taken from these.
        validation: sheets in the fixed set on which it is scored. test: sheets whose traces are judged as a whole in the end, and as
            many again by which the scores are calibrated.
        every: steps between scores.
        kinetics, shot, disturbed, cells: see `SheetSource`. window, drawn: see `SequenceStream`.
    """

    ranges: Mapping[str, Any]
    firing: Mapping[str, tuple[float, float]]
    cutting: Cutting
    indicators: Mapping[str, TraceModel] = field(default_factory=dict)
    snr: tuple[float, float] = (0.5, 20.0)
    cell: Literal["lstm", "gru"] = "lstm"
    hidden: int = 64
    layers: int = 1
    steps: int = 8000
    batch: int = 256
    learning_rate: float = 4e-3
    traces: Path | None = None
    share: float = 0.3
    validation: int = 60
    test: int = 40
    every: int = 1000
    kinetics: float = 1.5
    shot: float = 1.0
    disturbed: float = 0.1
    cells: float = 0.6
    window: int = 12
    drawn: int = 3

    use: ClassVar[str] = "use it: detectnmf.seeds.classify.SeedClassifier(checkpoint={out})"

    def __post_init__(self) -> None:
        for knob in ("hidden", "layers", "steps", "validation", "test", "every", "window", "drawn"):
            if getattr(self, knob) < 1:
                raise UserError(f"training.{knob} must be at least 1, got {getattr(self, knob)}")
        if self.batch < 3:
            raise UserError(f"training.batch must be at least 3 (a third of the windows are events), got {self.batch}")
        for knob in ("share", "disturbed", "cells"):
            if not 0 <= getattr(self, knob) <= 1:
                raise UserError(f"training.{knob} is a share from 0 to 1, got {getattr(self, knob)}")
        for knob, ends in {"snr": self.snr, **{f"firing.{name}": ends for name, ends in self.firing.items()}}.items():
            if not (len(ends) == 2 and 0 < ends[0] <= ends[1]):
                raise UserError(f"training.{knob} must be [low, high], both above 0, got {list(ends)}")
        if not self.kinetics >= 1:
            raise UserError(f"training.kinetics must be at least 1, got {self.kinetics}")

    def source(self, simulator: Simulator, seed: int) -> SheetSource:
        """Simulated sheets by number."""
        return SheetSource(
            simulator,
            Ranges(self.ranges),
            self.indicators,
            self.kinetics,
            {knob: (float(low), float(high)) for knob, (low, high) in self.firing.items()},
            (float(self.snr[0]), float(self.snr[1])),
            self.shot,
            self.disturbed,
            cells=self.cells,
            seed=seed,
        )

    def like(self, simulator: Simulator) -> ClassifierTraining:
        """The same training, all of its traces about this simulator's activity and at its rate."""
        return replace(self, ranges={}, indicators={})

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
        """Train, or go on with it, and write `out`.safetensors, its card `out`.md and its picture `out`.png.

        Nothing is compressed, sparsened or enhanced.

        Args:
            overwrite: an unfinished training of this name with other settings is thrown away.

        Raises:
            UserError: the output folder cannot be written, a range names a knob that is not there, unfit traces of the user's, or an
                unfinished training of this name has other settings.
        """
        import lightning

        from detectnmf.train.recurrent import RecurrentLearner

        out = weights_file(out)
        own = None if self.traces is None else LabelledTraces(Path(self.traces), seed=runtime.seed)
        if own is not None:
            own.all  # noqa: B018  fail before long work starts
        source = self.source(simulator, runtime.seed)
        unfinished = Unfinished.of(out, (self, source), overwrite)
        log.info("simulating %d sheets of traces to score on", self.validation)
        validation = gather(source, self.cutting, self.validation, VALIDATION)
        if not 0 < validation.labels.sum() < len(validation.labels):
            raise UserError("no event can be seen in the simulated traces; raise training.snr or training.firing.events")
        lightning.seed_everything(runtime.seed, verbose=False)
        network = EventNetwork(self.cell, self.hidden, self.layers)
        learner = RecurrentLearner(network, self.steps, self.learning_rate, min(self.every, self.steps), validation, unfinished)
        done = unfinished.steps()
        if done:
            log.info("going on from step %d of %s", done, unfinished.folder)
        stream = SequenceStream(source, self.cutting, self.batch, runtime.seed, self.window, self.drawn, own, self.share, done)
        run = trainer(runtime, self.steps, unfinished.folder, max_epochs=-1, gradient_clip_val=1.0)
        run.fit(learner, stream, ckpt_path=unfinished.state if done else None)
        network.eval().to(runtime.torch_device)
        card = self._card(simulator, runtime) | {"seconds": round(learner.seconds), "history": learner.history}
        save_events(network, out, card)
        network = load_events(out, runtime.torch_device)[0]  # as it will be used: in half precision
        self._assess(network, source, validation, card, out, runtime)
        unfinished.end()
        return out

    def _assess(
        self, network: EventNetwork, source: SheetSource, windows: Sequences, card: dict[str, Any], out: Path, runtime: Runtime
    ) -> None:
        """Calibrate, score on what was never seen, write checkpoint, card and picture."""
        from detectnmf.train.classifier_card import write_card
        from detectnmf.train.classifier_picture import draw

        long = replace(source, seconds=LONG)
        statistic = highest(network, STRIDE, runtime)
        log.info("calibrating on %d sheets of traces, and scoring on as many", self.test)
        held = judge(long, range(CALIBRATION, CALIBRATION + self.test), statistic)
        logits = window_logits(network, windows)
        calibration = calibrate((logits, windows.labels.numpy()), held)
        tested = judge(long, range(TEST, TEST + self.test), statistic)
        fresh = gather(source, self.cutting, self.test, TEST)
        found = by_window(window_logits(network, fresh), fresh)
        card |= {
            "network": network.settings,
            "calibration": calibration.plain(),
            "test": {"window": found, "trace": scores(tested, calibration)},
        }
        save_events(network, out, card)
        write_card(card, out.with_name(f"{out.stem}.md"))
        draw(out.with_name(f"{out.stem}.png"), tested, calibration, fresh, window_logits(network, fresh))

    def _card(self, simulator: Simulator, runtime: Runtime) -> dict[str, Any]:
        return {
            "detectnmf": detectnmf.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "device": str(runtime.torch_device),
            "threads": torch.get_num_threads(),
            "seed": runtime.seed,
            "ranges": {knob: list(ends) for knob, ends in Ranges(self.ranges).flat().items()},
            "firing": {knob: list(ends) for knob, ends in self.firing.items()},
            "snr": list(self.snr),
            "indicators": {"activity": repr(simulator.activity), **{name: repr(model) for name, model in self.indicators.items()}},
            "cutting": asdict(self.cutting),
            "traces": None if self.traces is None else Path(self.traces).name,
            "training": {knob: getattr(self, knob) for knob in SAID},
        }
