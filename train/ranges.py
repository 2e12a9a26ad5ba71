"""A different simulator for every movie: knobs drawn from stated ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.simulator import Simulator


@dataclass(frozen=True)
class Ranges:
    """Draws knobs of a simulator, uniformly, or uniformly in the logarithm when both ends are above 0 and far apart.

    Args:
        knobs: knob -> (low, high), or part -> its knobs, such as {"snr": (3, 20), "shapes": {"diameter": (9, 15)}}; integers stay
            integers, None leaves the knob as it is.
    """

    knobs: Mapping[str, Any]

    def flat(self) -> dict[str, tuple[float, float]]:
        """Dotted knob -> (low, high).

        Raises:
            UserError: a range that is not two numbers, low before high.
        """
        return dict(_flat(self.knobs, ""))

    def __call__(self, simulator: Simulator, rng: np.random.Generator) -> Simulator:
        """The simulator with every listed knob drawn anew.

        Raises:
            UserError: a knob that the simulator does not have.
        """
        for knob, (low, high) in self.flat().items():
            simulator = _with(simulator, knob.split("."), _draw(low, high, rng), knob)
        return simulator


def _flat(knobs: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, tuple[float, float]]]:
    for name, value in knobs.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
            continue
        if value is None:
            continue
        if not (
            isinstance(value, Sequence) and len(value) == 2 and all(isinstance(v, (int, float)) for v in value) and value[0] <= value[1]
        ):
            raise UserError(f"training.ranges.{prefix}{name} must be [low, high], got {value!r}")
        yield f"{prefix}{name}", (value[0], value[1])


def _draw(low: float, high: float, rng: np.random.Generator) -> float:
    whole = isinstance(low, int) and isinstance(high, int)
    if low > 0 and high / low >= 3:
        value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    else:
        value = float(rng.uniform(low, high))
    return round(value) if whole else value


def _with(part: Any, path: list[str], value: float, knob: str) -> Any:
    """A copy of a (nested) dataclass with one knob replaced."""
    first, *rest = path
    names = [f.name for f in fields(part)] if is_dataclass(part) else []
    if first not in names:
        near = get_close_matches(first, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(names)}"
        raise UserError(
            f"training.ranges: {knob!r} is not a knob of {type(part).__name__}; {hint}; leave the range out with ~training.ranges.{knob}"
        )
    return replace(part, **{first: _with(getattr(part, first), rest, value, knob) if rest else value})
