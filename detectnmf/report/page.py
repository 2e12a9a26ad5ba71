"""`write_report`: the whole page, from a result to one self-contained HTML file."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.io.atomic import replacing
from detectnmf.report import sections
from detectnmf.report.events import events
from detectnmf.report.images import summarise
from detectnmf.report.motion import motion
from detectnmf.report.seeding import seeding
from detectnmf.report.template import PAGE, STYLE
from detectnmf.result import DemixResult
from detectnmf.traces.project import raw_traces

if TYPE_CHECKING:
    from detectnmf.judge.evaluate import Evaluation

SHOWN = 6  # best and worst cells, each


def write_report(result: DemixResult, path: str | Path, evaluation: Evaluation | None = None) -> None:
    """Write the report card of a result as one HTML file that needs nothing else.

    Args:
        path: the file, usually report.html in the result's folder.
        evaluation: scores against a truth, shown when given.

    Raises:
        UserError: the file cannot be written.
    """
    text = report_page(result, evaluation)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def report_page(result: DemixResult, evaluation: Evaluation | None = None) -> str:
    """The page as text. A result without its movie gives a shorter page."""
    pictures = None if result.movie is None else summarise(result)
    order = sections.ranking(result)
    shown = order if len(order) <= 2 * SHOWN else np.concatenate([order[:SHOWN], order[-SHOWN:]])
    body = [
        sections.header(result, pictures),
        sections.no_cells(result, pictures) if result.events is None else "",
        events(result),
        sections.scores(evaluation),
        sections.view(result, pictures),
        sections.best_and_worst(result, raw_traces(result, shown) if result.signals is None else result.signals.raw[shown], shown),
        sections.activity(result),
        sections.quality(result),
        seeding(result, pictures),
        sections.explained(result, pictures),
        motion(result),
        sections.compression(result),
        sections.course(result),
        sections.settings(result),
    ]
    made = f"Made by detectnmf {escape(str(result.provenance.get('version', '')))}".strip()
    return PAGE.substitute(title=escape(f"{result.name} · detectnmf"), style=STYLE, body="\n".join(filter(None, body)), footer=f"{made}.")
