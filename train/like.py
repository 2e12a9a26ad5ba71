"""Ranges around one microscope: `detectnmf train like=RESULT`."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from detectnmf.simulate.simulator import Simulator

FACTORS = {  # knob -> drawn between value / factor and value · factor
    "cells": 2.0,
    "light": 1.7,
    "brightness": 1.4,
    "rate": 1.1,
    "shapes.diameter": 1.2,
    "activity.decay": 1.4,
    "activity.events": 2.0,
}


def around(simulator: Simulator) -> dict[str, Any]:
    """Ranges of the knobs that the simulator has, about their values; each movie is then of a microscope a little different from it."""
    ranges: dict[str, Any] = {}
    for knob, factor in FACTORS.items():
        part, _, name = knob.rpartition(".")
        owner = getattr(simulator, part) if part else simulator
        value = getattr(owner, name) if is_dataclass(owner) and name in {f.name for f in fields(owner)} else None
        if isinstance(value, (int, float)) and value > 0:
            low, high = value / factor, value * factor
            ends = [max(1, round(low)), max(1, round(high))] if isinstance(value, int) else [float(low), float(high)]
            (ranges.setdefault(part, {}) if part else ranges)[name] = ends
    return ranges
