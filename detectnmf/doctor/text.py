"""A checkup as text for the screen."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from detectnmf.doctor.checkup import Checkup

SIGNS = {"fine": "ok", "note": "note", "warning": "WARNING", "stop": "STOP"}
WIDTH = 110


def text(checkup: Checkup, source: str, typed: Sequence[str] = ()) -> str:
    """One paragraph for each finding, then the line to paste."""
    lines = []
    for finding in checkup.findings:
        head = f"  {SIGNS[finding.level]:<9}{finding.name:<18}"
        lines += textwrap.wrap(finding.value, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
        if finding.advice:
            lines += textwrap.wrap(f"→ {finding.advice}", WIDTH, initial_indent=" " * len(head), subsequent_indent=" " * (len(head) + 2))
    looked = f"looked at {len(checkup.sample.index)} of {len(checkup.sample.recording)} frames"
    return "\n".join([*lines, "", f"{looked}; to run it:", f"  {command(checkup, source, typed)}"])


def command(checkup: Checkup, source: str, typed: Sequence[str] = ()) -> str:
    """What to type for a run; what the user typed for the doctor stays as typed."""
    given = {word.partition("=")[0] for word in typed}
    knobs = [*typed, *(f"{key}={value}" for key, value in checkup.settings.items() if key not in given)]
    return shlex.join(["detectnmf", "run", source, *knobs])
