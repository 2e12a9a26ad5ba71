"""`Finding`: one thing that the doctor has seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["fine", "note", "warning", "stop"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Args:
        name: what was looked at. value: what was seen.
        level: fine; note, worth knowing; warning, the result will suffer; stop, a run would waste time.
        advice: what to do.
    """

    name: str
    value: str
    level: Level = "fine"
    advice: str = ""
