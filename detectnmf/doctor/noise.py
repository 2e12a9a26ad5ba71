"""The noise of a pixel: what second differences of consecutive frames show, blind to slow signals."""

from __future__ import annotations

import numpy as np

from detectnmf.doctor.finding import Finding
from detectnmf.doctor.sample import Sample

MEDIAN = 0.985  # of a run's mean square over the true one, 64 frames of white noise


def noise_image(sample: Sample) -> np.ndarray:
    """(y, x) standard deviation of each pixel of the window, in the recording's units: the median over runs of frames."""
    powers = []
    for _, run in sample.runs:
        if len(run) >= 8:
            bend = run[2:] - 2 * run[1:-1] + run[:-2]
            whole = np.isfinite(bend)
            power = np.where(whole, np.square(bend, dtype=np.float64), 0).sum(axis=0) / np.maximum(whole.sum(axis=0), 1) / 6
            powers.append(np.where(whole.sum(axis=0) > 0, power, np.nan))
    if not powers:
        return np.full(sample.runs[0][1].shape[1:], np.nan)
    ordered = np.sort(powers, axis=0)  # NaN last
    there = np.isfinite(ordered).sum(axis=0)
    low, high = (
        np.take_along_axis(ordered, np.maximum(place, 0)[None], axis=0)[0]
        for place in ((there - 1) // 2, np.minimum(there // 2, len(powers) - 1))
    )
    middle = np.where(there % 2, low, (low + high) / 2)
    return np.asarray(np.sqrt(middle / (MEDIAN if len(powers) > 2 else 1)))


def noise(sample: Sample) -> tuple[Finding, float]:
    """The median noise, and it relative to the brightness."""
    image = noise_image(sample)
    there = image[np.isfinite(image)]
    level = float(np.median(there)) if there.size else float("nan")
    bright = float(np.median(sample.average[sample.window]))
    share = f" ({100 * level / bright:.3g} % of the median brightness)" if bright > 0 else ""
    return Finding("noise", f"{level:.3g} per pixel and frame{share}"), level
