"""What a detector was trained on, and whether a recording is like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SLACK = 1.3  # a measure this far outside of its range is not worth a word
KNOBS = {  # measure -> where the card's ranges have it, what it is called, its unit
    "diameter": ("shapes.diameter", "cell diameter", " µm"),
    "rate": ("rate", "frame rate", " Hz"),
    "snr": ("snr", "median SNR", ""),
    "density": ("density", "density", " footprints over a pixel"),
}


def limits(card: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Measure -> (least, most) over all kinds of movies on a checkpoint's card; a measure that was never drawn has none."""
    found = {}
    for measure, (knob, _, _) in KNOBS.items():
        ends = [kind["ranges"][knob] for kind in card.get("kinds", {}).values() if knob in kind["ranges"]]
        if ends:
            found[measure] = (min(float(low) for low, _ in ends), max(float(high) for _, high in ends))
    if "density" in found:
        found["density"] = (0.0, found["density"][1])  # fewer cells are no harder
    return found


def outside(card: Mapping[str, Any], measured: Mapping[str, float]) -> list[str]:
    """A sentence for each measure that is outside of what the detector was trained on; NaN is inside."""
    sentences = []
    for measure, (low, high) in limits(card).items():
        value = measured.get(measure, float("nan"))
        if value < low / SLACK or value > high * SLACK:
            _, name, unit = KNOBS[measure]
            sentences.append(
                f"{name} {value:.3g}{unit} is outside of what the detector was trained on ({low:g} to {high:g}); "
                "cells may be missed: train one like this recording with detectnmf train like=RESULT"
            )
    return sentences
