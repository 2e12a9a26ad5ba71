"""What happens every so many steps: scores, pictures, the state to go on from, and the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning

from detectnmf.detect.checkpoint import save_network
from detectnmf.train.examples import Example
from detectnmf.train.learner import Learner
from detectnmf.train.output import Unfinished
from detectnmf.train.pictures import draw
from detectnmf.train.score import score_network

log = logging.getLogger(__name__)


class Progress(lightning.Callback):
    """Scores the averaged network on a fixed set, keeps the best one, and stops where nothing becomes better.

    Args:
        examples: the validation set. every: steps between scores. patience: scores without a better one before the end.
        unfinished: whose folder takes the state, best.safetensors, and a picture of each score.
    """

    def __init__(self, examples: Sequence[Example], every: int, patience: int, unfinished: Unfinished) -> None:
        self.examples, self.every, self.patience, self.unfinished = examples, every, patience, unfinished
        self.history: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._since = time.monotonic()

    @property
    def best_file(self) -> Path:
        return self.unfinished.folder / "best.safetensors"

    @property
    def best(self) -> int:
        """Which of the scores is the best."""
        return max(range(len(self.history)), key=lambda i: self.history[i]["ap50"])

    @property
    def best_step(self) -> int:
        return int(self.history[self.best]["step"])

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history, self.seconds = state["history"], state["seconds"]

    def on_train_start(self, trainer: lightning.Trainer, learner: lightning.LightningModule) -> None:
        self._since = time.monotonic()

    def on_train_batch_end(self, trainer: lightning.Trainer, learner: lightning.LightningModule, *_: Any) -> None:
        step = trainer.global_step
        if not isinstance(learner, Learner) or (step % self.every and step != learner.steps):
            return
        scores = score_network(learner.mean, self.examples, learner.device)
        calibrated = scores.calibrated(scores.fit())
        summary = calibrated.summary()
        self.history.append({"step": step, **{key: summary[key] for key in ("ap50", "ap75", "f1")}})
        log.info("step %d: average precision %.3f at IoU 0.5, %.3f at 0.75", step, summary["ap50"], summary["ap75"])
        learner.log_dict({key: summary[key] for key in ("ap50", "ap75")})
        if self.best == len(self.history) - 1:
            save_network(learner.mean, self.best_file, {"step": step})
        draw(learner.mean, self.examples, self.unfinished.folder / f"step-{step:06d}.png", f"step {step}")
        learner.train()
        now = time.monotonic()
        self.seconds, self._since = self.seconds + now - self._since, now
        if len(self.history) - 1 - self.best >= self.patience:
            log.info("no better score for %d times: training ends at step %d", self.patience, step)
            trainer.should_stop = True
        self.unfinished.save(trainer)
