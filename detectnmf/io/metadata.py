"""Frame rate and pixel size from what files say about themselves: units, names of attributes, and what cannot be true."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

MICRONS = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "micrometre", "micrometers", "\\u00b5m"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-3),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e4),
    **dict.fromkeys(("m", "meter", "metre"), 1e6),
    **dict.fromkeys(("inch", "in"), 25400.0),
}
SECONDS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("µs", "μs", "us", "usec", "microsecond"), 1e-6),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
# names as they are met, in lower case and without _ - and blanks
RATES = ("rate", "framerate", "fps", "fr", "fs", "samplingrate", "imagingrate", "framespersecond", "ratehz", "frameratehz")
INTERVALS = ("frameinterval", "finterval", "dt", "timeincrement")
PIXELS = ("pixelsize", "pixelsizeum", "umperpixel", "micronsperpixel", "micronperpixel", "umperpx", "pixelsizex", "physicalsizex")
RATE_RANGE = (1e-3, 1e5)  # Hz
PIXEL_RANGE = (0.01, 1000.0)  # µm, when a file says µm
DOTS_RANGE = (0.02, 40.0)  # µm, from a TIFF's resolution tag, which often says 72 or 300 dots per inch of paper


def microns(value: float, unit: str) -> float | None:
    """A length in µm; None for a unit that is no length, such as "pixel"."""
    factor = MICRONS.get(unit.strip().lower())
    return None if factor is None else float(value) * factor


def seconds(value: float, unit: str = "") -> float | None:
    """A time in s; None for a unit that is no time."""
    factor = SECONDS.get(unit.strip().lower())
    return None if factor is None else float(value) * factor


def within(value: float | None, limits: tuple[float, float]) -> float | None:
    """The value when it can be true, else None."""
    return float(value) if value is not None and np.isfinite(value) and limits[0] <= value <= limits[1] else None


def from_interval(interval: float | None) -> float | None:
    """Hz from the s between two frames, when it can be true."""
    return within(1.0 / interval, RATE_RANGE) if interval else None


def from_attributes(attributes: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Rate (Hz) and pixel size (µm) from free attributes, by the names that people use."""
    table = {re.sub(r"[\s_\-.]", "", str(key)).lower(): value for key, value in attributes.items()}
    rate = _first(table, RATES, lambda value: within(value, RATE_RANGE))
    if rate is None:
        rate = _first(table, INTERVALS, from_interval)
    return rate, _first(table, PIXELS, lambda value: within(value, PIXEL_RANGE))


def _first(table: Mapping[str, Any], names: tuple[str, ...], check: Callable[[float], float | None]) -> float | None:
    for name in names:
        try:
            value = check(float(np.ravel(np.asarray(table[name], float))[0]))
        except (KeyError, ValueError, TypeError, IndexError):
            continue
        if value is not None:
            return value
    return None
