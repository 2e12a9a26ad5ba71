"""`demo`: all of it on a small movie."""

from __future__ import annotations

import logging
import time

from detectnmf import memory
from detectnmf.command.job import Job
from detectnmf.command.summary import duration, summary
from detectnmf.tasks.evaluate import evaluate_into
from detectnmf.tasks.run import build_pipeline, find_cells, write_report
from detectnmf.tasks.settings import place
from detectnmf.tasks.simulate import simulate_into

logger = logging.getLogger(__name__)


def demo(job: Job) -> str:
    """Simulate, run, evaluate, report, in one folder."""
    import detectnmf

    pipeline = build_pipeline(job)
    with job.folder(place(job.config.out), holds="movie.tif") as folder:
        start = time.perf_counter()
        logger.info("simulate")
        made = simulate_into(job, folder / "movie.tif", job.config.overwrite)
        recording = detectnmf.read(str(made.movie))
        result = find_cells(job, pipeline, recording, folder)
        scores = evaluate_into(result, detectnmf.load(made.truth), folder / "evaluation.json")
        write_report(result, folder / "report.html", scores)
        took = f"{duration(time.perf_counter() - start)}, {memory.peak() / memory.GIB:.1f} GiB at most"
        return (
            f"{scores.table()}\n\n{took}\n{summary(folder, 'movie.tif', 'movie.truth.h5', 'result.h5', 'evaluation.json', 'report.html')}"
        )
