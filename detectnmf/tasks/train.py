"""`train`: a detector, or a seed classifier, from simulated movies."""

from __future__ import annotations

from detectnmf.command.folder import check_writable
from detectnmf.command.job import Job
from detectnmf.tasks.settings import place, refuse_to_replace
from detectnmf.tasks.simulate import resembling


def train(job: Job) -> str:
    """A detector from simulated movies, or a seed classifier from simulated traces."""
    out = place(job.config.out)
    out = job.name(out.with_name(out.name.removesuffix(".safetensors") + ".safetensors"))
    check_writable(out.parent)
    refuse_to_replace(out, job.config.overwrite)
    training, simulator = job.build("training"), job.build("sim")
    if job.config.like is not None:
        simulator, _ = resembling(job, simulator, place(job.config.like), ("sim.frames", "sim.size", "camera.dtype"))
        training = training.like(simulator)
    parts = (job.build(part) for part in ("compress", "sparsen", "enhance"))
    out = training(simulator, *parts, out, job.runtime, job.config.overwrite)
    return f"wrote {out} and its card; {training.use.format(out=out)}"
