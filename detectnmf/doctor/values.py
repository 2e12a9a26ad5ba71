"""What the numbers of a movie are: type, range, missing values, constant, dead and saturated pixels."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from detectnmf.doctor.finding import Finding
from detectnmf.doctor.sample import Sample

FEW_LEVELS = 32  # different values: coarse steps
OFTEN = 0.02  # of the frames at the highest value: a pixel that saturates
DEAD = 0.2  # of what its neighbours show


def values(sample: Sample) -> list[Finding]:
    """Findings about values; the first is about type and range."""
    dtype, finite = sample.recording.dtype, np.isfinite(sample.lowest)
    low = float(sample.lowest[finite].min()) if finite.any() else np.nan
    high = float(sample.highest[finite].max()) if finite.any() else np.nan
    found = [Finding("values", f"{dtype}, {low:g} to {high:g}, {_some(sample.levels)} different values")]
    if not high > low:
        return [Finding("values", f"{dtype}, all {low:g}", "stop", "nothing changes: is this the right file, channel or dataset?")]
    if sample.levels < FEW_LEVELS:
        found.append(
            Finding("steps", f"{sample.levels} different values", "warning", "values are coarse; was the movie cast to few bits? go back")
        )
    gaps = float(sample.gaps.mean() / len(sample.index))
    if gaps:
        level = "stop" if gaps > 0.9 else "warning" if gaps > 0.1 else "note"
        found.append(Finding("NaN or infinite", f"{100 * gaps:.3g} % of all samples", level, "they are masked, not filled"))  # type: ignore[arg-type]
    return [*found, *_pixels(sample)]


def constant(sample: Sample) -> np.ndarray:
    """(Y, X) True where a pixel never changes, or is never there."""
    return np.asarray(~(sample.highest > sample.lowest))


def dead(sample: Sample) -> np.ndarray:
    """(Y, X) True where a pixel stays far below its neighbours, above the darkest of the field."""
    floor = float(np.min(sample.lowest[np.isfinite(sample.lowest)], initial=np.inf))
    around = median_filter(sample.average, 5) - floor
    return np.asarray((sample.average - floor < DEAD * around) & ~constant(sample))


def saturated(sample: Sample) -> np.ndarray:
    """(Y, X) True where a pixel is at the highest value of all in many frames; none unless many pixels meet there."""
    often = sample.top > max(1, OFTEN * len(sample.index))
    return np.asarray(often & ~constant(sample)) if sample.top.sum() > 3 else np.zeros_like(often)


def _pixels(sample: Sample) -> list[Finding]:
    found, pixels = [], sample.average.size
    still, low, full = int(constant(sample).sum()), int(dead(sample).sum()), int(saturated(sample).sum())
    if still:
        level = "warning" if still > 0.2 * pixels else "note"
        found.append(Finding("constant pixels", f"{still} of {pixels}", level, "they are masked"))  # type: ignore[arg-type]
    if low:
        found.append(Finding("dead pixels", f"{low} of {pixels}", "note", "they stay far below their neighbours"))
    if full:
        advice = "the highest value is the detector's end: peaks are cut off; record with less gain"
        found.append(Finding("saturated pixels", f"{full} of {pixels}", "warning" if full > 0.001 * pixels else "note", advice))
    return found


def _some(levels: int) -> str:
    return "more than 10,000" if levels > 10_000 else f"{levels}"
