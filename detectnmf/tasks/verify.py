"""`verify`: a result made again from what it says of itself, and compared."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import OmegaConf

from detectnmf.command.folder import check_writable
from detectnmf.command.job import Job
from detectnmf.command.provenance import provenance
from detectnmf.command.settings import diameter_in_pixels
from detectnmf.command.summary import describe
from detectnmf.errors import UserError
from detectnmf.stages.identity import brief
from detectnmf.tasks.run import build_pipeline, read
from detectnmf.tasks.settings import place, refuse_to_replace

if TYPE_CHECKING:
    from detectnmf.judge.reproduce import Comparison

logger = logging.getLogger(__name__)
SHOWN = 5  # arrays that differ, by name


def verify(job: Job) -> str:
    """Run again as a result was made, and compare every number.

    Raises:
        UserError: the result cannot be made again, or is another one.
    """
    import detectnmf
    from detectnmf.judge.reproduce import compare

    path, source = place(job.config.result), str(place(job.config.input))
    first = detectnmf.load(path)
    again = as_it_was(job, first.provenance, source, str(path))
    if job.config.out is not None:
        check_writable(place(job.config.out))
        refuse_to_replace(place(job.config.out) / "result.h5", job.config.overwrite)
    for word in unlike(first.provenance, provenance(again.settings, again.runtime, job.command, source)):
        logger.warning("note: %s", word)
    pipeline, recording = build_pipeline(again), read(again)
    logger.info("%s", describe(recording))
    diameter = diameter_in_pixels(again.config.diameter, recording.pixel_size)
    second = pipeline(recording, again.runtime, diameter, again.provenance(source))
    if job.config.out is not None:
        second.save(place(job.config.out) / "result.h5")
    found = compare(first, second)
    if not found.alike:
        raise UserError(f"{path} was not made again: {said(found)}")
    return said(found)


def as_it_was(job: Job, known: dict[str, Any], source: str, path: str) -> Job:
    """The job that made a result, on another copy of the movie.

    Raises:
        UserError: the result does not say how it was made, or was made by another verb.
    """
    settings = known.get("config")
    if not isinstance(settings, dict) or "input" not in settings or "compress" not in settings:
        raise UserError(f"{path} holds no settings of a run; verify takes what detectnmf run has written")
    settings = {**settings, "input": source, "device": job.config.device}
    runtime = replace(job.runtime, seed=int(known.get("seed", 0)), max_memory=known.get("max_memory", job.runtime.max_memory))
    return replace(job, config=OmegaConf.create(settings), settings=settings, runtime=runtime)


def unlike(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is not as it was, one sentence each."""
    words = {"hash": "another movie", "version": "another version of detectnmf", "torch": "another torch", "numpy": "another numpy"}
    words |= {"platform": "another machine", "device": "another device"}
    differ = {key: said for key, said in words.items() if before.get(key) != now.get(key)}
    return [f"{said}: {brief(before.get(key))} then, {brief(now.get(key))} now" for key, said in differ.items()]


def said(found: Comparison) -> str:
    """In one line."""
    if found.equal:
        return f"the same to the last bit: {found.arrays} arrays"
    names = sorted(found.differing, key=lambda name: -found.differing[name])
    sizes = ", ".join(f"{name} ({_size(found.differing[name])})" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (
        f"{100 * found.found:.1f} % of the cells are in both, traces correlate by {found.correlation:.4f} (median); "
        f"{len(names)} of {found.arrays} arrays differ: {sizes}{more}"
    )


def _size(gap: float) -> str:
    return "other shape or values" if np.isinf(gap) else f"by {gap:.1g} of the largest"
