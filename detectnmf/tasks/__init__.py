"""What each verb does: settings in, built parts, plain calls, a short summary out; one file a verb.

Here, in `cli` and in `command` alone is Hydra seen.
"""

from __future__ import annotations

from collections.abc import Callable

from omegaconf import DictConfig

from detectnmf.command.job import Job
from detectnmf.command.joblog import JobLog
from detectnmf.command.settings import check_knobs, check_parts, memory_in_gib
from detectnmf.runtime import Runtime
from detectnmf.tasks import demo, doctor, evaluate, run, simulate, sweep, train, verify
from detectnmf.tasks.settings import KNOBS, PARTS, SHARED, plain

VERBS: dict[str, Callable[[Job], str]] = {
    "run": run.run,
    "doctor": doctor.doctor,
    "sweep": sweep.sweep,
    "simulate": simulate.simulate,
    "gallery": simulate.gallery,
    "train": train.train,
    "evaluate": evaluate.evaluate,
    "verify": verify.verify,
    "demo": demo.demo,
}


def do(verb: str, config: DictConfig, log: JobLog, command: str, suffix: str | None = None) -> str:
    """Check every setting, then do the verb; returns what to print.

    Raises:
        UserError: the user's mistake, in one line.
    """
    settings = plain(config)
    if "training" not in PARTS[verb]:  # an experiment says what to simulate and how to train on it
        settings.pop("training", None)
    check_knobs(settings, {**SHARED, **KNOBS[verb]}, PARTS[verb], verb)
    check_parts(settings)
    runtime = Runtime(config.device, memory_in_gib(config.max_memory), config.seed, config.quiet)
    return VERBS[verb](Job(config, settings, runtime, log, command, suffix))
