"""Frames that are not like the others: dark, repeated, flashed, missing; and steps of brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from detectnmf.doctor.finding import Finding
from detectnmf.doctor.sample import Sample

ROBUST = 1.4826
FAR = 12.0  # robust deviations of the mean brightness from its neighbourhood
LEAST = 0.02  # of the brightness above the darkest frame: smaller flashes are the tissue's own
AROUND = 31  # frames
MISSING = 0.5  # share of a frame


@dataclass(frozen=True)
class Odd:
    """Indices of frames, counted from 0, among those looked at."""

    dark: np.ndarray
    flashed: np.ndarray
    repeated: np.ndarray
    missing: np.ndarray


def odd_frames(sample: Sample) -> Odd:
    """Dark: without the light that all others have. Flashed: brighter than its neighbourhood, as by a stimulus lamp."""
    mean, missing = sample.mean, sample.missing > MISSING
    usual = float(np.median(mean))
    spread = float(np.median(sample.spread))
    dark = (mean < usual - 0.5 * max(usual - float(sample.low.min()), 0)) & (sample.spread < 0.5 * spread) & ~missing
    around = median_filter(np.where(dark | missing, usual, mean), min(AROUND, len(mean)), mode="nearest")
    above = mean - around
    noise = ROBUST * float(np.median(np.abs(above)))
    scale = max(usual - float(sample.low.min()), 1e-30)
    flashed = (above > max(FAR * noise, LEAST * scale)) & ~dark & ~missing
    return Odd(*(sample.index[mask] for mask in (dark, flashed, sample.repeat & ~dark & ~missing, missing)))


def frames(sample: Sample) -> list[Finding]:
    """Findings about single frames, and about dropped ones that the file itself tells of."""
    odd, seen = odd_frames(sample), len(sample.index)
    whole = "" if sample.all_frames else f" looked at (of {len(sample.recording)})"
    told = (
        ("dark frames", odd.dark, "the light was off, or the shutter closed; cut them out, traces fall to zero there"),
        ("flashed frames", odd.flashed, "a stimulus, or a lamp; cut them out, or mask them: all cells seem to fire there"),
        ("repeated frames", odd.repeated, "equal to the frame before, bit by bit: the recording program wrote them twice"),
        ("missing frames", odd.missing, "more than half is NaN or saturated; they are masked"),
    )
    found = [
        Finding(name, f"{len(which)} of {seen}{whole}: {_first(which)}", "warning" if len(which) > 0.02 * seen else "note", advice)
        for name, which, advice in told
        if len(which)
    ]
    for note in sample.recording.notes:
        if "dropped" in note:
            found.append(Finding("dropped frames", note.rstrip("."), "note", "time is shorter than it was there"))
    if not found:
        found.append(Finding("frames", f"none of {seen}{whole} is dark, flashed or repeated"))
    if len(odd.repeated) > 0.4 * seen:
        found.append(Finding("frame rate", "most frames are repeated", "stop", "the true rate is lower: keep every n-th frame"))
    return found


def _first(which: np.ndarray, most: int = 6) -> str:
    return ", ".join(map(str, which[:most])) + (", ..." if len(which) > most else "")
