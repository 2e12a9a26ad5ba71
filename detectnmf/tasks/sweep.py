"""`sweep`: what one knob of a run does."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from detectnmf.command.job import Job
from detectnmf.command.settings import diameter_in_pixels
from detectnmf.command.summary import describe, summary
from detectnmf.errors import UserError
from detectnmf.tasks.run import about_input, build_pipeline, read
from detectnmf.tasks.settings import place

if TYPE_CHECKING:
    from detectnmf.pipeline import Pipeline

logger = logging.getLogger(__name__)


def sweep(job: Job) -> str:
    """What one knob does: how much is found at each value, and how much of it is expected to be false."""
    from detectnmf.io.atomic import replacing
    from detectnmf.stages.keep import Stages
    from detectnmf.sweep.base import ascending
    from detectnmf.sweep.run import sweep as sweep_over

    config = job.config
    chosen = OmegaConf.select(config, config.knob)
    if not isinstance(chosen, (int, float)) or isinstance(chosen, bool):
        said = "is no knob of these parts" if chosen is None else f"is {chosen!r}, which is no number"
        raise UserError(f"knob={config.knob} {said}; give one with a number, such as knob=demix.alpha with preset=dips")
    if config.knob.startswith(("register.", "enhance.", "compress.")):
        raise UserError(f"knob={config.knob} changes the compressed movie, which a sweep makes only once; run it with -m instead")
    if config.knob.startswith("traces.") or "." not in config.knob:
        raise UserError(f"knob={config.knob} is no knob of a part that finds or keeps; run it with -m instead")
    if config.nulls < 1:
        raise UserError(f"nulls must be 1 or more, got {config.nulls}")
    values = ascending(config["values"])
    whole = isinstance(chosen, int) and all(value == round(value) for value in values)

    def build(value: float) -> Pipeline:
        changed = config.copy()
        OmegaConf.update(changed, config.knob, round(value) if whole else value)
        return build_pipeline(replace(job, config=changed))

    for value in values:  # a mistake in one need not wait for the others
        build(value)
    diameter_in_pixels(config.diameter, 1.0)
    recording = read(job)
    wanted = Path(f"{recording.name}.sweep") if config.out is None else place(config.out)
    with job.folder(wanted, holds="sweep.csv") as folder:
        logger.info("%s", describe(recording))
        diameter = diameter_in_pixels(config.diameter, recording.pixel_size)
        about = about_input(job, recording)

        def stages() -> Stages:
            return Stages(folder / "stages", about, fresh=config.fresh, every=config.save_every)

        runtime = stages().fixed(job.runtime)
        found = sweep_over(build, config.knob, values, recording, runtime, diameter, config.nulls, float(chosen), stages)
        with replacing(folder / "sweep.csv") as part:
            part.write_text(found.csv(), encoding="utf-8")
        found.draw(folder / "sweep.png")
        best = found.suggested()
        picked = (
            f"most {found.what} with at most 10 % expected false: {config.knob}={best:g}"
            if best is not None
            else (f"no value keeps the {found.what} expected to be false below 10 %")
        )
        return f"{found.table()}\n{picked}\n{summary(folder, 'sweep.csv', 'sweep.png')}"
