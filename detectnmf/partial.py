"""`Partial`: what an unfinished stage has done so far. This one forgets it; that of `stages.records` writes it down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Partial:
    """To which a stage hands, now and then, how far it is, and which gives it back after an interruption."""

    def beside(self, name: str, state: Any) -> None:
        """A dataclass of arrays that is changed in place while the stage works: written, and put back, with every record."""

    @property
    def due(self) -> bool:
        """True when losing what came after the last record would hurt."""
        return False

    def save(self, step: str, value: Any) -> None:
        """A record of plain values, arrays, tensors and our nouns; it replaces the step's earlier one."""

    def load(self, step: str) -> Any | None:
        """The step's last whole record; None if there is none."""
        return None

    def add(self, step: str, start: int, stop: int, value: Any) -> None:
        """What was found of items start..stop; records of other items stay."""

    def added(self, step: str) -> Iterator[tuple[slice, Any]]:
        """What `add` was given without a gap from item 0 on, in order."""
        return iter(())
