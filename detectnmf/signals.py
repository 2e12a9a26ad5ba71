"""`Signals`: what each cell's trace says, from the movie's own evidence to inferred events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

WORDS = {
    "raw": "demixed trace plus what the residual says at the footprint (cells, frames), recording's units",
    "baseline": "F0, light under the footprint while the cell is at rest, background included (cells, frames), recording's units",
    "dff": "(raw - its level at rest) / F0 (cells, frames), no unit",
    "denoised": "transients alone, 0 at rest (cells, frames), recording's units",
    "spikes": "inferred events: jump of the denoised trace at each frame (cells, frames), recording's units per frame",
    "noise": "standard deviation of the white noise in raw (cells), recording's units",
    "g": "autoregressive coefficients, per frame (cells, order); 0 where a trace was not deconvolved",
    "flag": "ok, or what is to be known of a cell: flat, short, silent, low_baseline (cells)",
    "valid": "False where the frame was masked and raw is interpolated (frames)",
}

USES = {
    "raw": "your own statistics: the movie's own evidence, unbiased, noise included",
    "dff": "comparing cells and sessions, averages over trials: raw, relative to the level at rest",
    "denoised": "pictures, and correlations between cells",
    "spikes": "when cells are active, and how strongly relative to themselves; no counts of action potentials",
}
MEANING = {
    "flat": "without variance; not deconvolved",
    "short": "of too few valid frames; not deconvolved",
    "silent": "no event found",
    "low_baseline": "light at rest within the noise; dF/F is not to be trusted",
}


@dataclass(frozen=True)
class Signals:
    """Traces of K cells; (K, T) float32 each, in the recording's units unless it says otherwise.

    Args:
        raw: the demixed trace plus what the residual says at the footprint. May be negative.
        baseline: F0, the light under the footprint when the cell is at rest: its own, the static and the slow fluctuating background.
        dff: (raw − its level at rest) / F0; no unit.
        denoised: the calcium transients alone, 0 at rest.
        spikes: inferred events: by how much the denoised trace jumps at each frame. 0 in the first frame, and where `valid` is not.
        noise: (K,) standard deviation of the white noise in raw.
        g: (K, p) autoregressive coefficients, by frame; 0 where a trace was not deconvolved.
        flag: (K,) "ok", or what is to be known of a cell, words of `MEANING` joined by "+".
        valid: (T,) False where the frame was masked: raw is interpolated there.
        method: how they were made: name -> value.
    """

    raw: np.ndarray
    baseline: np.ndarray
    dff: np.ndarray
    denoised: np.ndarray
    spikes: np.ndarray
    noise: np.ndarray
    g: np.ndarray
    flag: np.ndarray
    valid: np.ndarray
    method: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.raw)
