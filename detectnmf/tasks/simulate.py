"""`simulate` and `gallery`: movies with known truth."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.command.folder import check_writable
from detectnmf.command.job import Job
from detectnmf.tasks.settings import SCENE, place, refuse_to_replace

logger = logging.getLogger(__name__)


def simulate(job: Job) -> str:
    """A movie with known truth."""
    like = None if job.config.like is None else place(job.config.like)
    made = simulate_into(job, job.name(place(job.config.out)), job.config.overwrite, like)
    return f"{made.report}\nwrote {made.movie}\nwrote {made.truth}"


@dataclass(frozen=True)
class Made:
    """Where a simulated movie and its truth are, and what is in it."""

    movie: Path
    truth: Path
    report: str


def simulate_into(job: Job, out: Path, overwrite: bool, like: Path | None = None) -> Made:
    """Draw, render and write; `like` a finished run, if there is one."""
    simulator, write = job.build("sim"), job.build("write")
    check_writable(out.parent)
    for file in write.files(out):
        refuse_to_replace(file, overwrite)
    write.check(out, (simulator.frames, *simulator.size), simulator.camera.dtype)
    known: dict[str, Any] = {}
    if like is not None:
        simulator, known = resembling(job, simulator, like)
    simulated = simulator.render(simulator.draw(np.random.default_rng(job.config.seed)))
    for note in simulated.recording.notes:
        logger.warning("note: %s", note)
    truth = replace(simulated.truth, provenance={**simulated.truth.provenance, **job.provenance(), **known})
    report = ", ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in simulated.report.items())
    return Made(out, write(replace(simulated.to(job.runtime.torch_device), truth=truth), out, job.runtime), report)


def gallery(job: Job) -> str:
    """All that the simulator can make, in pictures."""
    import detectnmf
    from detectnmf.command.catalogue import Catalogue

    draw = job.build("gallery")
    catalogue = Catalogue.of_this_job("gallery", (*SCENE[:-2], "scene", "experiment"))
    catalogue.check()
    with job.folder(place(job.config.out), holds="index.html") as folder:
        about = f"detectnmf {detectnmf.__version__}, seed {job.config.seed}: {job.command}"
        left_out = draw(catalogue, folder, job.runtime, about)
        for what, why in left_out.items():
            logger.debug("left out %s: %s", what, why)
        without = f"left out (the end of index.html says why): {', '.join(left_out)}\n" if left_out else ""
        return f"{without}{folder / 'index.html'}"


def resembling(job: Job, simulator: Any, like: Path, kept: tuple[str, ...] = ()) -> tuple[Any, dict[str, Any]]:
    """The simulator with all that was neither typed nor is to be kept taken from a finished run; and what to note of it."""
    import detectnmf

    alike = job.build("resemble")(simulator, detectnmf.load(like), [*job.typed(), *kept])
    logger.info("like %s: %s", like, alike.likeness)
    logger.info("%s", " ".join(f"{knob}={value}" for knob, value in alike.knobs.items()))
    return alike.simulator, {"like": str(like), "measured": alike.likeness.numbers, "fitted": alike.knobs}
