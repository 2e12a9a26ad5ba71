"""A mixture of microscopes: each movie is of one kind, with its own parts and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.simulator import Simulator
from detectnmf.train.ranges import Ranges


@dataclass(frozen=True)
class Kind:
    """One kind of movie.

    Args:
        share: of the movies, relative to the other kinds'.
        parts: knob of the simulator -> what takes its place, such as {"psf": Bessel(...), "cells": 0}.
        ranges: drawn for each movie, on top of those for all kinds; null takes one of those back.
    """

    share: float = 1.0
    parts: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.share > 0:
            raise UserError(f"training.kinds: share must be above 0, got {self.share}; take a kind out with ~training.kinds.NAME")


@dataclass(frozen=True)
class Mixture:
    """Draws a kind, and then its knobs.

    Args:
        ranges: for all kinds. kinds: name -> kind; none of them: the simulator as it is.
    """

    ranges: Mapping[str, Any]
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    def each(self, simulator: Simulator) -> dict[str, tuple[Simulator, Ranges]]:
        """Name -> the kind's simulator, and the ranges that it is drawn from.

        Raises:
            UserError: a part that the simulator does not have.
        """
        if not self.kinds:
            return {"movie": (simulator, Ranges(self.ranges))}
        return {
            name: (_altered(simulator, name, kind.parts), Ranges(merged(self.ranges, kind.ranges))) for name, kind in self.kinds.items()
        }

    def __call__(self, simulator: Simulator, rng: np.random.Generator) -> tuple[str, Simulator]:
        """A kind's name, and its simulator with all ranges drawn."""
        each = self.each(simulator)
        share = np.array([kind.share for kind in self.kinds.values()] or [1.0])
        name = list(each)[int(rng.choice(len(share), p=share / share.sum()))]
        chosen, ranges = each[name]
        return name, ranges(chosen, rng)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings, key by key; what stands above wins."""
    out = dict(below)
    for key, value in above.items():
        lower = out.get(key)
        out[key] = merged(lower, value) if isinstance(value, Mapping) and isinstance(lower, Mapping) else value
    return out


def _altered(simulator: Simulator, name: str, parts: Mapping[str, Any]) -> Simulator:
    known = [f.name for f in fields(simulator)]
    for part in parts:
        if part not in known:
            near = get_close_matches(part, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(known)}"
            raise UserError(f"training.kinds.{name}.parts: {part!r} is not a knob of the simulator; {hint}")
    return replace(simulator, **parts)
