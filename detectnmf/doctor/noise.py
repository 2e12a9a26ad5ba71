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
            powers.append(np.nanmean(np.square(bend), axis=0, dtype=np.float64) / 6)
    if not powers:
        return np.full(sample.runs[0][1].shape[1:], np.nan)
    return np.sqrt(np.median(powers, axis=0) / (MEDIAN if len(powers) > 2 else 1))


def noise(sample: Sample) -> tuple[Finding, float]:
    """The median noise, and it relative to the brightness."""
    image = noise_image(sample)
    level = float(np.nanmedian(image))
    bright = float(np.median(sample.average[sample.window]))
    share = f" ({100 * level / bright:.3g} % of the median brightness)" if bright > 0 else ""
    return Finding("noise", f"{level:.3g} per pixel and frame{share}"), level
