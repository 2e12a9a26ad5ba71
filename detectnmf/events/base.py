"""What finds events in a result. To add one: a class with this `__call__` in its own file, and a YAML in configs/events."""

from __future__ import annotations

from typing import Protocol

from detectnmf.event_table import EventTable
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime


class EventReader(Protocol):
    """From demixed components to a table of what happened; the components stay as they are."""

    def __call__(self, result: DemixResult, runtime: Runtime) -> EventTable | None:
        """None for a reader that does not read."""
        ...
