"""`run`, and what other verbs do of it: a recording and built parts in, cells in a file and a report out."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from detectnmf.command.job import Job
from detectnmf.command.settings import diameter_in_pixels
from detectnmf.command.summary import describe, duration, peak_memory, summary
from detectnmf.tasks.settings import place

if TYPE_CHECKING:
    from detectnmf.judge.evaluate import Evaluation
    from detectnmf.pipeline import Pipeline
    from detectnmf.recording import Recording
    from detectnmf.result import DemixResult

logger = logging.getLogger(__name__)


def run(job: Job) -> str:
    """Find and demix the cells of a recording."""
    from detectnmf.doctor.checkup import precheck

    config = job.config
    diameter_in_pixels(config.diameter, 1.0)  # a mistake in it need not wait for the movie
    pipeline = build_pipeline(job)
    recording = read(job)
    precheck(recording, config.axes)
    wanted = Path(f"{recording.name}.detectnmf") if config.out is None else place(config.out)
    if config.out is not None and job.suffix is not None:  # several jobs, one place: a folder of folders
        wanted = wanted / f"{recording.name}.detectnmf"
    with job.folder(wanted) as folder:
        logger.info("%s", describe(recording))
        start = time.perf_counter()
        result = find_cells(job, pipeline, recording, folder, str(place(config.input)))
        write_report(result, folder / "report.html")
        found = f"{len(result.cells)} cells" if result.events is None else f"{len(result.events)} events"
        took = f"{found} in {duration(time.perf_counter() - start)}, {peak_memory():.1f} GiB at most"
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
        seeders=job.build("seeder"),
        demix=job.build("demix"),
        background=job.build("background"),
        judge=job.build("judge"),
        traces=job.build("traces"),
        events=job.build("events"),
    )


def find_cells(job: Job, pipeline: Pipeline, recording: Recording, folder: Path, source: str | None) -> DemixResult:
    """Run the pipeline and save what it found, before anything else can fail."""
    from detectnmf.io.atomic import replacing

    diameter = diameter_in_pixels(job.config.diameter, recording.pixel_size)
    result = pipeline(recording, job.runtime, diameter=diameter, provenance=job.provenance(source))
    result.save(folder / "result.h5")
    if result.events is not None:
        with replacing(folder / "events.csv") as part:
            part.write_text(result.events.csv(), encoding="utf-8")
    return result


def write_report(result: DemixResult, path: Path, evaluation: Evaluation | None = None) -> None:
    """The report; one that fails does not take the result with it."""
    from detectnmf.report import write_report

    try:
        write_report(result, path, evaluation)
    except Exception:
        logger.exception("the report failed; the result itself is saved beside it")
