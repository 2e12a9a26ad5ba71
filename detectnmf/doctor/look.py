"""Whether a movie looks like one-photon or two-photon: how far its fluctuations reach, and how sharp its mean image is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from detectnmf.doctor.finding import Finding
from detectnmf.doctor.sample import Sample

FAR = 16  # px
BINNED = 4  # frames
BROAD, LOCAL = 0.35, 0.2  # of what reaches far in the fluctuation: above, one-photon; below, two-photon
FLAT = 0.06  # contrast of the mean image: below, one-photon


@dataclass(frozen=True)
class Look:
    """reach: covariance of pixels FAR apart over that of neighbours. contrast: of the mean image's detail over its brightness."""

    reach: float
    contrast: float

    @property
    def word(self) -> str:
        if self.reach > BROAD and self.contrast < FLAT:
            return "one-photon"
        return "two-photon" if self.reach < LOCAL or self.contrast > 2 * FLAT else ""


def look(sample: Sample) -> Look:
    """Both measures, free of noise: neighbours' noise is independent."""
    near = far = 0.0
    apart = min(FAR, min(sample.runs[0][1].shape[1:]) // 3)
    for _, run in sample.runs:
        whole = len(run) // BINNED * BINNED
        if whole < 2 * BINNED:
            continue
        values = np.nan_to_num(run[:whole], posinf=0, neginf=0).reshape(-1, BINNED, *run.shape[1:]).mean(axis=1)
        values -= values.mean(axis=0)
        near += float((values[:, :, 1:] * values[:, :, :-1]).mean())
        far += float((values[:, :, apart:] * values[:, :, :-apart]).mean())
    average = sample.average[sample.window]
    offset = float(sample.lowest[np.isfinite(sample.lowest)].min()) if np.isfinite(sample.lowest).any() else 0.0
    detail = average - gaussian_filter(average, 6.0)
    contrast = float(np.std(detail) / max(np.median(average) - offset, 1e-30))
    return Look(far / near if near > 0 else 0.0, contrast)


def finding(seen: Look) -> Finding:
    value = f"fluctuations reach {seen.reach:.2f} of theirs {FAR} px away, contrast of the mean image {seen.contrast:.2f}"
    if seen.word == "one-photon":
        return Finding("looks like", f"one-photon ({value})", "note", "preset=scnmf detector.checkpoint=one_photon are made for it")
    return Finding("looks like", f"{seen.word or 'either one-photon or two-photon'} ({value})")
