"""`doctor`: look at a recording before running on it."""

from __future__ import annotations

import logging
from pathlib import Path

from detectnmf.command.job import Job
from detectnmf.command.settings import diameter_in_pixels
from detectnmf.command.summary import describe, summary
from detectnmf.tasks.run import build_pipeline, read
from detectnmf.tasks.settings import place

logger = logging.getLogger(__name__)


def doctor(job: Job) -> str:
    """What a recording is like, what is wrong with it, and what a run will take."""
    from detectnmf.doctor.checkup import examine
    from detectnmf.doctor.page import write_page
    from detectnmf.doctor.text import command, text

    config = job.config
    diameter_in_pixels(config.diameter, 1.0)
    pipeline, recording, source = build_pipeline(job), read(job), str(place(config.input))
    wanted = Path(f"{recording.name}.doctor") if config.out is None else place(config.out)
    with job.folder(wanted, holds="doctor.html") as folder:
        logger.info("%s", describe(recording))
        checkup = examine(recording, pipeline, job.runtime, diameter_in_pixels(config.diameter, recording.pixel_size))
        words = [word for word in job.words() if word.partition("=")[0] not in ("input", "out")]
        write_page(checkup, folder / "doctor.html", command(checkup, source, words))
        return f"{text(checkup, source, words)}\n\n{summary(folder, 'doctor.html')}"
