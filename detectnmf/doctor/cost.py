"""How long a run will take on this machine, and how much memory, from the trial."""

from __future__ import annotations

from dataclasses import dataclass

from detectnmf.doctor.finding import Finding
from detectnmf.doctor.sample import Sample
from detectnmf.doctor.trial import Trial
from detectnmf.memory import GIB
from detectnmf.runtime import Runtime

PASSES = 2  # over the movie
COPIES = 4  # of the compressed movie's courses in time
PROGRAM = 1.0  # GiB, the program itself and its libraries
LONG = 3600.0  # s


@dataclass(frozen=True)
class Cost:
    """Of a whole run: seconds, and GiB."""

    seconds: float
    memory: float


def cost(sample: Sample, trial: Trial) -> Cost:
    """Stages grow with pixels times frames, the compressed movie's rank with pixels; what is done once does not."""
    frames, rows, columns = sample.recording.shape
    reading = PASSES * sample.seconds * frames / max(len(sample.index), 1)
    rank = trial.rank * rows * columns / (trial.result.shape[1] * trial.result.shape[2])
    working = trial.once + trial.pace * frames * rows * columns
    return Cost(working + reading, PROGRAM + COPIES * 4 * rank * frames / GIB)


def finding(found: Cost, runtime: Runtime) -> Finding:
    budget = runtime.budget / GIB
    value = f"about {words(found.seconds)} and {found.memory:.1f} GiB on this machine, of {budget:.1f} GiB allowed"
    if found.memory > budget:
        return Finding("a run takes", value, "warning", "more than there is: run a part of the field, average frames, or raise max_memory=")
    if found.seconds > LONG:
        return Finding("a run takes", value, "note", "average frames or pixels, or use a GPU (device=cuda)")
    return Finding("a run takes", value)


def words(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
