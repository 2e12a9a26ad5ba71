"""Sweeping one knob of a pipeline over a movie that is compressed only once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectnmf.compressed import Compressed
from detectnmf.enhance.none import NoEnhancing
from detectnmf.pipeline import Pipeline, check
from detectnmf.recording import Recording
from detectnmf.register.none import NoRegistration
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.stages.keep import Stages
from detectnmf.sweep.base import Found, Sweep, ascending
from detectnmf.sweep.null import MEANING, null_movie
from detectnmf.traces.none import NoReading

logger = logging.getLogger(__name__)

HALF = 0.5


@dataclass(frozen=True)
class Ready:
    """A compressor that has done its work already."""

    movie: Compressed

    def __call__(self, recording: Recording, runtime: Runtime) -> Compressed:
        return self.movie


def sweep(
    build: Callable[[float], Pipeline],
    knob: str,
    values: Sequence[float],
    recording: Recording,
    runtime: Runtime,
    diameter: float | None = None,
    nulls: int = 1,
    chosen: float | None = None,
    stages: Callable[[], Stages] = Stages,
) -> Sweep:
    """What a pipeline finds at each value of a knob.

    Expected false events: those found in as many null movies as asked for, on average (see `null_movie`), from which only what a strict
    value finds is taken out: what is doubtful may be noise, and stays. Expected false cells: the sum of their probabilities of being
    none, which the judge gives.

    Args:
        build: the pipeline at a value; its compression must not depend on it.
        chosen: the value in use, for the picture.
        stages: gives what keeps the stages of one run of a pipeline.
    """
    values = ascending(values)
    first = build(values[0])
    check(recording, diameter)

    def read(runtime: Runtime) -> Compressed:
        registered = first.register(recording, runtime).recording
        return first.compress(first.enhance(registered, diameter, runtime), runtime)

    parts = {"register": first.register, "enhance": first.enhance, "compress": first.compress, "diameter": diameter}
    movie = stages()("movie", read, runtime, **parts)

    def at(value: float, seen: Compressed) -> DemixResult:
        pipeline = replace(build(value), register=NoRegistration(), enhance=NoEnhancing(), compress=Ready(seen), traces=NoReading())
        return pipeline(recording, runtime, diameter, stages=stages())

    results = [at(value, movie) for value in values]
    events = all(result.events is not None for result in results)
    if not events:
        counts = [len(result.cells) for result in results]
        false = [float(np.sum(1 - result.quality["probability"])) if "probability" in result.quality else np.nan for result in results]
        null = "expected false: by the judge's probabilities, calibrated on simulated movies"
    else:
        counts = [len(result.events) for result in results if result.events is not None]
        strict = results[certain(counts, values, chosen)]

        def false_in(number: int) -> list[float]:
            empty = null_movie(strict, runtime.rng(number))
            return descending(lambda place: len(at(values[place], empty).events or ()), counts)

        false, null = np.mean([false_in(number) for number in range(nulls)], axis=0).tolist(), MEANING
    points = tuple(Found(float(count), float(one)) for count, one in zip(counts, false, strict=True))
    return Sweep(knob, values, points, "events" if events else "cells", null, chosen)


def certain(counts: Sequence[int], values: Sequence[float], chosen: float | None) -> int:
    """Place of the strictest value that finds half as many as the one in use (or as the middle one): what it finds is hardly ever false."""
    used = len(values) // 2 if chosen is None else int(np.argmin(np.abs(np.array(values) - chosen)))
    order = np.argsort(counts, kind="stable")
    return int(next(place for place in order if counts[place] >= HALF * counts[used]))


def descending(count: Callable[[int], int], found: Sequence[int]) -> list[float]:
    """The count at each place, from where most was found to where least was; once it is 0 it stays so, and is not asked for again."""
    counted = np.zeros(len(found))
    for place in np.argsort(-np.array(found), kind="stable"):
        counted[place] = count(int(place))
        if not counted[place]:
            break
    return [float(one) for one in counted]
