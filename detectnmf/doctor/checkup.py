"""`examine`: all that the doctor looks at, in the order in which it is told. `precheck`: the cheap part of it, before a run."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from detectnmf.doctor import bleaching, cost, frames, look, motion, noise, orientation, rate, values
from detectnmf.doctor.finding import Finding
from detectnmf.doctor.motion import Motion
from detectnmf.doctor.sample import Sample, take
from detectnmf.doctor.trial import Trial, attempt
from detectnmf.errors import UserError
from detectnmf.pipeline import Pipeline
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

logger = logging.getLogger(__name__)

DEFAULT_DECAY = 0.6  # s, of `sparsen`
REPAIRED = ("missing frames", "NaN or infinite", "constant pixels")  # what a run says by itself
OTHERWISE = 1.3  # times: from here on another decay is worth saying


@dataclass(frozen=True)
class Checkup:
    """What was found.

    Args:
        findings: in the order in which they are told.
        settings: knobs that are worth giving to a run, as name -> value.
        noise: per pixel and frame, recording's units.
    """

    sample: Sample
    findings: tuple[Finding, ...]
    settings: dict[str, str]
    noise: float
    motion: Motion | None
    trial: Trial | None

    def worst(self) -> str:
        levels = ("fine", "note", "warning", "stop")
        return max((finding.level for finding in self.findings), key=levels.index)


def examine(recording: Recording, pipeline: Pipeline, runtime: Runtime, diameter: float | None = None, seconds: float = 6.0) -> Checkup:
    """Look at a sample of the movie, and run the pipeline on a piece of it.

    Args:
        diameter: of a cell (px), where the user knows it.
        seconds: that reading the sample may take.
    """
    sample = take(recording, seconds)
    turned = orientation.turned(recording)
    found = [*([turned] if turned else []), *values.values(sample), *frames.frames(sample)]
    if any(finding.level == "stop" for finding in found):
        return Checkup(sample, tuple(found), _settings(recording, None, "", diameter, None), float("nan"), None, None)
    found += [*bleaching.seams(recording), bleaching.bleaching(sample)]
    noisy, level = noise.noise(sample)
    moved = motion.estimate(sample.runs)
    seen = look.look(sample)
    found += [noisy, motion.finding(moved), look.finding(seen)]
    tried = attempt(sample, pipeline, runtime, diameter, moved)
    trial = None if isinstance(tried, str) else tried
    if isinstance(tried, str):
        found.append(Finding("trial run", tried, "warning"))
    else:
        found += [_cells(tried, recording), rate.finding(recording, tried), cost.finding(cost.cost(sample, tried), runtime)]
    settings = _settings(recording, trial, seen.word, diameter, moved)
    return Checkup(sample, tuple(found), settings, level, moved, trial)


def precheck(recording: Recording, axes: str | None) -> None:
    """What a second's look shows; warnings are logged.

    Args:
        axes: as the user gave them: then they are right.

    Raises:
        UserError: a run would waste time.
    """
    sample = take(recording, seconds=0.5, run=16)
    turned = None if axes else orientation.turned(recording)
    name = recording.path or recording.name
    for finding in [*([turned] if turned else []), *values.values(sample), *frames.frames(sample)]:
        if finding.level == "stop":
            raise UserError(f"{name}: {finding.value}; {finding.advice}")
        if finding.level == "warning" and finding.name not in REPAIRED:
            logger.warning("note: %s: %s; %s (detectnmf doctor shows more)", finding.name, finding.value, finding.advice)


def _cells(trial: Trial, recording: Recording) -> Finding:
    count = len(trial.result.cells)
    rows, columns = trial.result.shape[1:]
    if not count:
        return Finding(
            "cells",
            f"none in the middle {rows} × {columns} px",
            "warning",
            "give diameter= and rate=; is it the right channel, and in focus?",
        )
    size = "" if trial.diameter is None else f", {trial.diameter:.1f} px ({trial.diameter * recording.pixel_size:.3g} µm) across"
    where = f"{count} in the middle {rows} × {columns} px"
    return Finding("cells", f"{where}{size}, peak {trial.snr:.3g} times the noise of their traces, {trial.density:.2g} over a pixel")


def _settings(recording: Recording, trial: Trial | None, looks: str, diameter: float | None, moved: Motion | None) -> dict[str, str]:
    settings: dict[str, str] = {}
    assumed = any(note.startswith(rate.ASSUMED) for note in recording.notes)
    settings["rate"] = f"{recording.rate:g}"
    if looks == "one-photon":
        settings["preset"] = "scnmf"
    if moved is not None and moved.pays:
        settings["register"] = "auto"
    if diameter is not None:
        settings["diameter"] = f"{diameter:.3g}"
    elif trial is not None and trial.diameter is not None:
        settings["diameter"] = f"{trial.diameter:.3g}"
    if trial is not None and trial.decay is not None and not assumed:
        decay = trial.decay / recording.rate
        if not 1 / OTHERWISE < decay / DEFAULT_DECAY < OTHERWISE:
            settings["sparsen.decay"] = f"{decay:.2g}"
    return settings
