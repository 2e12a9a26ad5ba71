"""doctor.html: the checkup as one page that needs nothing else."""

from __future__ import annotations

from html import escape
from pathlib import Path

from detectnmf.doctor import pictures
from detectnmf.doctor.checkup import Checkup
from detectnmf.doctor.finding import Finding
from detectnmf.io.atomic import replacing
from detectnmf.report import sections
from detectnmf.report.encode import grey
from detectnmf.report.images import summarise
from detectnmf.report.outlines import field_of_view
from detectnmf.report.template import PAGE, STYLE

MORE = """
.level { display:inline-block; min-width:64px; font-weight:650; font-size:12.5px; }
.fine { color:#0f766e; } .note { color:#6b7785; } .warning { color:#b45309; } .stop { color:#d6453d; }
"""
WORDS = {"fine": "ok", "note": "note", "warning": "warning", "stop": "stop"}


def write_page(checkup: Checkup, path: Path, command: str) -> None:
    """Write the page; `command` is the line to paste.

    Raises:
        UserError: it cannot be written.
    """
    with replacing(path) as part:
        part.write_text(page(checkup, command), encoding="utf-8")


def page(checkup: Checkup, command: str) -> str:
    recording, trial = checkup.sample.recording, checkup.trial
    frames, rows, columns = recording.shape
    tiles = [
        (f"{frames}", "frames", f"{sections.duration(frames / recording.rate)} at {recording.rate:g} Hz"),
        (f"{rows} × {columns}", "rows × columns", f"{recording.pixel_size:g} µm per pixel"),
        (str(recording.dtype), "values", ""),
        (f"{checkup.noise:.3g}", "noise", "per pixel and frame"),
    ]
    if checkup.motion is not None:
        tiles.append((f"{checkup.motion.rms:.2f} px", "motion", "rms"))
    if trial is not None and trial.diameter is not None:
        tiles.append((f"{trial.diameter:.1f} px", "cell diameter", f"{trial.diameter * recording.pixel_size:.3g} µm"))
    cards = "".join(f'<div class="tile"><b>{big}</b><span>{label}</span><em>{small}</em></div>' for big, label, small in tiles)
    body = [
        f'<header><p class="eyebrow">detectnmf doctor</p><h1>{escape(recording.name)}</h1>'
        f'<p class="muted">{escape(recording.path or "")}</p><div class="tiles">{cards}</div></header>',
        sections.section("To run it", "Paste this line.", f"<pre>{escape(command)}</pre>"),
        sections.section("Findings", _looked(checkup), _table(checkup.findings)),
        sections.section("Shape and axes", "Frames should look like frames: cells round, not stretched into lines.", _axes(checkup)),
        sections.section("Course", "Grey lines: where one file ends and the next begins.", _course(checkup)),
        _piece(checkup),
    ]
    return PAGE.substitute(title=escape(f"{recording.name} · doctor"), style=STYLE + MORE, body="\n".join(filter(None, body)), footer="")


def _looked(checkup: Checkup) -> str:
    return f"From {len(checkup.sample.index)} of {len(checkup.sample.recording)} frames."


def _table(findings: tuple[Finding, ...]) -> str:
    rows = "".join(
        f'<tr><td><span class="level {finding.level}">{WORDS[finding.level]}</span></td><td>{escape(finding.name)}</td>'
        f"<td>{escape(finding.value)}{f'<br><span class=muted>→ {escape(finding.advice)}</span>' if finding.advice else ''}</td></tr>"
        for finding in findings
    )
    return f"<table>{rows}</table>"


def _axes(checkup: Checkup) -> str:
    return sections.picture(pictures.axes(checkup.sample), "frames and the mean image with their sides")


def _course(checkup: Checkup) -> str:
    return sections.picture(pictures.course(checkup.sample, checkup.motion), "brightness and shifts over time")


def _piece(checkup: Checkup) -> str:
    """The trial run, as a report shows it."""
    trial = checkup.trial
    if trial is None or not len(trial.result.cells):
        return ""
    rows, columns = trial.window
    frames = trial.result.shape[0]
    where = f"Rows {rows.start} to {rows.stop}, columns {columns.start} to {columns.stop}, {frames} frames from {trial.start} on"
    seen = summarise(trial.result)
    images = {"rise over noise": grey(seen.rise), "mean": grey(seen.mean), "correlation": grey(seen.correlation)}
    return sections.section("A run on a piece", f"{where}.", field_of_view(trial.result, images, "rise over noise"))
