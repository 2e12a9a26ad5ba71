"""What reads the traces of a result. To add one: write a class with this `__call__` in its own file, and a YAML in configs/traces."""

from __future__ import annotations

from typing import Protocol

from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.signals import Signals


class Reader(Protocol):
    """From demixed cells to what each trace says; the cells stay as they are."""

    def __call__(self, result: DemixResult, runtime: Runtime) -> Signals | None:
        """One row for each cell of the result, in its order; None for a reader that does not read.

        A cell of whose trace nothing can be said is flagged, and stops no other.

        Raises:
            UserError: the result holds no movie, no traces, or no rate.
        """
        ...
