"""No event table."""

from __future__ import annotations

from dataclasses import dataclass

from detectnmf.event_table import EventTable
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime


@dataclass(frozen=True)
class NoEvents:
    """For recordings of cells, whose activity is in their traces."""

    def __call__(self, result: DemixResult, runtime: Runtime) -> EventTable | None:
        return None
