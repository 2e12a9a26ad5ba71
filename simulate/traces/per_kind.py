"""A trace model of its own for each kind of cell in a mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.traces.base import Activity, TraceModel


@dataclass(frozen=True)
class PerKind:
    """Cells of different kinds, each active in its own way.

    Args:
        models: trace model of each `Shape.kind`.
    """

    models: Mapping[str, TraceModel]

    def __post_init__(self) -> None:
        if not self.models:
            raise UserError("activity.models must name the trace model of one kind of cell at least")
        for kind, model in self.models.items():
            if not hasattr(model, "draw"):
                raise UserError(f"activity.models.{kind} must be a trace model (with a _target_), got {model!r}")

    def draw(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """n cells, as many of each kind as of any other, in random order; for shapes without kinds."""
        kinds = rng.permutation(np.array(list(self.models), dtype=object))
        return self.for_kinds(kinds[rng.permutation(n) % len(kinds)].tolist(), frames, rate, rng)

    def for_kinds(self, kinds: Sequence[str], frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """One cell for each entry of `kinds`, drawn from its kind's model.

        Each model has its own stream, so that changing one leaves the others as they were.

        Raises:
            UserError: a kind that has no model.
        """
        unknown = sorted(set(kinds) - set(self.models))
        if unknown:
            raise UserError(
                f"activity.models has no kind {unknown[0]!r}, which the shapes have; it knows {', '.join(map(repr, self.models))}"
            )
        traces, spikes = np.zeros((len(kinds), frames), np.float32), np.zeros((len(kinds), frames), np.uint16)
        labels = np.array(kinds, dtype=object)
        for (kind, model), stream in zip(self.models.items(), rng.spawn(len(self.models)), strict=True):
            chosen = np.flatnonzero(labels == kind)
            try:
                drawn = model.draw(len(chosen), frames, rate, stream)
            except UserError as error:
                raise UserError(f"activity.models.{kind}: {error}") from error
            traces[chosen], spikes[chosen] = drawn.traces, drawn.spikes
        return Activity(traces, spikes)
