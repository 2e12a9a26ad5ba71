"""How brightness goes on average: bleaching, and jumps, above all where one file ends and the next begins."""

from __future__ import annotations

import numpy as np

from detectnmf.doctor.finding import Finding
from detectnmf.doctor.frames import odd_frames
from detectnmf.doctor.sample import Sample
from detectnmf.recording import Recording

ENDS = 0.1  # share of the frames at either end that are compared
LOST = 0.2  # from which it is worth a warning
SEAM = 8  # frames on either side of a seam
JUMP = 5.0  # times as large as what frames of one file differ by
MOST_SEAMS = 12


def bleaching(sample: Sample) -> Finding:
    """Brightness above the darkest value, at the end relative to the beginning."""
    lost = light_lost(sample)
    if lost > LOST:
        return Finding(
            "bleaching",
            f"{100 * lost:.0f} % of the light is lost from beginning to end",
            "note",
            "dF/F follows it; cells late on are dimmer",
        )
    word = "lost" if lost >= 0 else "gained"
    return Finding("bleaching", f"{100 * abs(lost):.1f} % of the light is {word} from beginning to end")


def light_lost(sample: Sample) -> float:
    """Share of the light, above the lowest pixel of the mean image, that is gone at the end; below 0 for a rise."""
    odd = odd_frames(sample)
    good = ~np.isin(sample.index, np.concatenate([odd.dark, odd.flashed, odd.missing]))
    mean, when = sample.mean[good], sample.index[good] / max(len(sample.recording) - 1, 1)
    if len(mean) < 4:
        return 0.0
    offset = min(float(sample.average.min()), float(mean.min()))
    first, last = (float(np.median(mean[part])) for part in (when <= max(ENDS, when.min()), when >= min(1 - ENDS, when.max())))
    return 1 - (last - offset) / max(first - offset, 1e-30)


def seams(recording: Recording) -> list[Finding]:
    """Whether the picture jumps where one file follows another."""
    found, looked = [], recording.starts[:: max(1, -(-len(recording.starts) // MOST_SEAMS))]
    for start in looked:
        before = recording[max(0, start - SEAM) : start].astype(np.float32)
        after = recording[start : start + SEAM].astype(np.float32)
        if min(len(before), len(after)) < 4:
            continue
        within = max(
            _differ(before[: len(before) // 2], before[len(before) // 2 :]), _differ(after[: len(after) // 2], after[len(after) // 2 :])
        )
        across = _differ(before, after)
        if across > JUMP * max(within, 1e-30):
            found.append(start)
    if not found:
        return [Finding("files", f"{len(recording.starts) + 1} files, no jump between them")] if recording.starts else []
    places = ", ".join(map(str, found[:6]))
    value = f"the picture jumps between files at frame {places} ({len(found)} of {len(looked)} seams looked at)"
    return [Finding("files", value, "warning", "the field moved or the gain changed; give the files that belong together")]


def _differ(one: np.ndarray, other: np.ndarray) -> float:
    """Mean square between two mean images, less what noise leaves there."""
    a, b = one.mean(axis=0), other.mean(axis=0)
    noise = one.var(axis=0).mean() / len(one) + other.var(axis=0).mean() / len(other)
    return max(float(np.square(a - b).mean()) - float(noise), 0.25 * float(noise))
