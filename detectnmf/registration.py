"""`Registration`: how a recording moved, and how well each of its frames was found again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

WORDS = {
    "shifts": "how far (down, right) the tissue has moved, px, at places spread evenly from edge to edge (frames, rows, columns, 2)",
    "agreement": "correlation of each frame, put back, with the filtered template (frames); noise lowers it",
    "before": "the same where the frame lay (frames)",
    "flag": "ok, or why a frame was masked: lost, edge, missing (frames)",
    "template": "what frames were compared with (rows, columns), recording's units",
    "mean_before": "mean of all frames as they were recorded (rows, columns), recording's units",
    "mean_after": "mean of all frames put back (rows, columns), recording's units",
}
MEANING = {
    "lost": "show nothing of what the others show",
    "edge": "have moved further than the search went (register.max_shift)",
    "missing": "hold no usable samples",
}


@dataclass(frozen=True)
class Registration:
    """Motion of a recording of T frames, as it was found.

    Args:
        shifts: (T, gy, gx, 2) float32 px: what the tissue shows at (y, x) at rest is seen at (y, x) + shift; gy = gx = 1 is rigid. Between
            the places, which are spread evenly from edge to edge, it runs smoothly. NaN where `flag` is not ok.
        agreement, before: (T,) correlation with the filtered template after and before the frame is put back.
        flag: (T,) "ok", or a word of `MEANING`.
        template: (Y, X) recording's units.
        mean_before, mean_after: (Y, X) mean frame; NaN where no frame showed the pixel.
        method: how it was found: name -> value.
    """

    shifts: np.ndarray
    agreement: np.ndarray
    before: np.ndarray
    flag: np.ndarray
    template: np.ndarray
    mean_before: np.ndarray
    mean_after: np.ndarray
    method: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.shifts)

    @property
    def size(self) -> tuple[int, int]:
        rows, columns = self.template.shape
        return int(rows), int(columns)

    @property
    def whole(self) -> np.ndarray:
        """(T, 2) px, the mean over the field."""
        return self.shifts.mean(axis=(1, 2))

    @property
    def bad_frames(self) -> np.ndarray:
        """(T,) True where a frame could not be put back."""
        return self.flag != "ok"

    @property
    def notes(self) -> list[str]:
        """What is to be said of it, one sentence each."""
        good, number = ~self.bad_frames, len(self)
        if not good.any():
            return [f"none of {number} frames could be registered"]
        far = np.abs(self.shifts[good]).max()
        bends = " and bends" if self.shifts.shape[1:3] != (1, 1) else ""
        rms = np.sqrt(np.square(self.whole[good] - np.median(self.whole[good], axis=0)).sum(1).mean())
        notes = [f"the movie moves{bends} by {rms:.2g} px (rms; {far:.1f} px at most along an axis) and was registered on reading"]
        for word, meaning in MEANING.items():
            if count := int((self.flag == word).sum()):
                notes.append(f"{count} of {number} frames {meaning} and were masked")
        return notes
