"""`evaluate`: a result against a truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detectnmf.command.folder import check_writable
from detectnmf.command.job import Job
from detectnmf.tasks.settings import place, refuse_to_replace

if TYPE_CHECKING:
    from detectnmf.judge.evaluate import Evaluation
    from detectnmf.result import DemixResult


def evaluate(job: Job) -> str:
    """Score a result against a truth."""
    import detectnmf

    found = place(job.config.result)
    found = found / "result.h5" if found.is_dir() else found
    out = job.name(found.with_name("evaluation.json") if job.config.out is None else place(job.config.out))
    check_writable(out.parent)
    if job.config.out is not None:
        refuse_to_replace(out, job.config.overwrite)
    scores = evaluate_into(detectnmf.load(found), detectnmf.load(place(job.config.truth)), out)
    return f"{scores.table()}\n\nwrote {out}"


def evaluate_into(result: DemixResult, truth: DemixResult, out: Path) -> Evaluation:
    """Score and write the scores."""
    from detectnmf.io.atomic import replacing
    from detectnmf.judge.evaluate import evaluate as score

    scores = score(result, truth)
    with replacing(out) as part:
        part.write_text(scores.to_json(), encoding="utf-8")
    return scores
