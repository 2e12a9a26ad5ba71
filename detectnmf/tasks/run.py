"""`run`, and what other verbs do of it: a recording and built parts in, cells in a file and a report out."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectnmf import memory
from detectnmf.command.folder import candidates
from detectnmf.command.job import Job
from detectnmf.command.settings import diameter_in_pixels
from detectnmf.command.summary import describe, duration, summary
from detectnmf.tasks.settings import place

if TYPE_CHECKING:
    from detectnmf.judge.evaluate import Evaluation
    from detectnmf.pipeline import Pipeline
    from detectnmf.recording import Recording
    from detectnmf.result import DemixResult
    from detectnmf.stages.keep import Stages

logger = logging.getLogger(__name__)


def run(job: Job) -> str:
    """Find and demix the cells of a recording."""
    from detectnmf.doctor.checkup import precheck
    from detectnmf.io.store import load_result
    from detectnmf.stages import identity as made
    from detectnmf.stages.keep import Stages

    config = job.config
    diameter_in_pixels(config.diameter, 1.0)  # a mistake in it need not wait for the movie
    pipeline = build_pipeline(job)
    recording = read(job)
    precheck(recording, config.axes)
    wanted = Path(f"{recording.name}.detectnmf") if config.out is None else place(config.out)
    if config.out is not None and job.suffix is not None:  # several jobs, one place: a folder of folders
        wanted = wanted / f"{recording.name}.detectnmf"
    diameter = diameter_in_pixels(config.diameter, recording.pixel_size)
    about = about_input(job, recording)
    identity = made.digest([about, made.code(), made.describe(pipeline), diameter])
    with job.folder(wanted, mine=lambda path: not config.fresh and identity_of(path) == identity) as folder:
        logger.info("%s", describe(recording))
        start = time.perf_counter()
        if identity_of(folder / "result.h5") == identity and not config.fresh:
            logger.info("%s: finished before, and nothing that it depends on has changed (--fresh does everything again)", folder)
            result = load_result(folder / "result.h5")
        else:
            elsewhere = [place / "stages" for place in takewhile(Path.exists, candidates(job.own(wanted))) if place != folder]
            stages = Stages(folder / "stages", about, elsewhere, config.fresh, config.save_every)
            result = find_cells(job, pipeline, recording, folder, {"identity": identity}, stages)
        finish(result, folder)
        found = f"{len(result.cells)} cells" if result.events is None else f"{len(result.events)} events"
        took = f"{found} in {duration(time.perf_counter() - start)}, {memory.peak() / memory.GIB:.1f} GiB at most"
        logger.debug(took)
        return f"{took}\n{summary(folder, 'result.h5', 'events.csv', 'report.html')}"


def read(job: Job) -> Recording:
    """The movie that the job is about."""
    import detectnmf

    keys = ("rate", "pixel_size", "dataset", "axes", "channel", "plane", "size")
    return detectnmf.read(str(place(job.config.input)), **{key: job.settings[key] for key in keys})


def build_pipeline(job: Job) -> Pipeline:
    from detectnmf.pipeline import Pipeline

    return Pipeline(
        register=job.build("register"),
        enhance=job.build("enhance"),
        compress=job.build("compress"),
        demix=job.build("demix"),
        seeders=job.build("seeder"),  # after demix, whose knobs some take over: a mistake is told by its own name
        background=job.build("background"),
        judge=job.build("judge"),
        traces=job.build("traces"),
        events=job.build("events"),
    )


def about_input(job: Job, recording: Recording) -> dict[str, Any]:
    """What a run's outcome depends on besides its parts, as plain values."""
    from detectnmf.stages.identity import changed, fingerprint

    source = str(place(job.config.input))
    chosen = {key: job.settings[key] for key in ("dataset", "axes", "channel", "plane", "size")}
    facts = {"hash": fingerprint(source)["hash"], "changed": changed(source), "rate": recording.rate, "pixel_size": recording.pixel_size}
    return {**facts, **chosen, "seed": job.runtime.seed, "device": job.runtime.torch_device.type}


def identity_of(path: Path) -> str | None:
    """Of a finished result: a hash of all that it was made of; None where there is none that can be read."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            known = json.loads(file["provenance"].asstr()[()]).get("identity")
    except (OSError, KeyError, ValueError, AttributeError):
        return None
    return None if known is None else str(known)


def find_cells(
    job: Job, pipeline: Pipeline, recording: Recording, folder: Path, known: dict[str, Any] | None = None, stages: Stages | None = None
) -> DemixResult:
    """Run the pipeline and save what it found, before anything else can fail."""
    runtime = job.runtime.fixed() if stages is None else stages.fixed(job.runtime)
    diameter = diameter_in_pixels(job.config.diameter, recording.pixel_size)
    provenance = {**replace(job, runtime=runtime).provenance(recording.path), **(known or {})}
    result = pipeline(recording, runtime, diameter=diameter, provenance=provenance, stages=stages)
    result = replace(result, provenance={**result.provenance, "peak_memory": memory.peak()})
    for of_an_earlier_one in ("report.html", "events.csv"):
        (folder / of_an_earlier_one).unlink(missing_ok=True)
    result.save(folder / "result.h5")
    return result


def finish(result: DemixResult, folder: Path) -> None:
    """What is made of a result and not there yet: the report, and the events as CSV."""
    from detectnmf.io.atomic import replacing

    if not (folder / "report.html").exists():
        write_report(result, folder / "report.html")
    if result.events is not None and not (folder / "events.csv").exists():
        with replacing(folder / "events.csv") as part:
            part.write_text(result.events.csv(), encoding="utf-8")


def write_report(result: DemixResult, path: Path, evaluation: Evaluation | None = None) -> None:
    """The report; one that fails does not take the result with it."""
    from detectnmf.report import write_report

    try:
        write_report(result, path, evaluation)
    except Exception:
        logger.exception("the report failed; the result itself is saved beside it")
