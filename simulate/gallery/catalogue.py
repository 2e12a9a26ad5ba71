"""What the gallery needs to know: which options there are, and each of them built when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from detectnmf.simulate.simulator import Simulator


class Catalogue(Protocol):
    """The options of each group of parts (psf, shapes, ...), of scenes and of experiments, by name."""

    def names(self, group: str) -> list[str]:
        """The options of a group that are to be drawn; [] for none."""
        ...

    def part(self, group: str, name: str, **sim: Any) -> Any:
        """The part itself; `sim` sets knobs of the simulator, such as pixel_size.

        Raises:
            UserError: it cannot be built: a missing file, a wrong value.
        """
        ...

    def simulator(self, group: str, name: str, **sim: Any) -> Simulator:
        """The whole simulator with this option; the other parts as they are chosen, or as an experiment says."""
        ...

    def about(self, group: str, name: str) -> str:
        """What its author says about it; may be empty."""
        ...

    def choices(self, group: str, name: str) -> Mapping[str, str]:
        """With this option: which part is chosen in each group."""
        ...

    def command(self, group: str, name: str) -> str:
        """What to type for a movie with this option."""
        ...
