"""The page and the picture that `register.py` writes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from detectnmf.recording import Recording
from detectnmf.registration import Registration

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"


def picture(recording: Recording, found: Registration, true: np.ndarray, snr: float) -> None:
    """One frame, the mean before and after, and the shifts beside the true ones (T, 2)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.6), dpi=110)
    one = recording[100]
    for place, (title, image) in enumerate(
        ((f"one frame, frame SNR {snr:g}", one), ("mean as recorded", found.mean_before), ("mean put back", found.mean_after))
    ):
        axes = figure.add_axes((0.03 + 0.325 * place, 0.42, 0.3, 0.5))
        part = image[32:160, 32:160]
        axes.imshow(part, cmap="gray_r", vmin=np.percentile(part, 0.5), vmax=np.percentile(part, 99.7), interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, loc="left", fontsize=10)
    below = figure.add_axes((0.055, 0.09, 0.93, 0.25))
    seconds = np.arange(len(true)) / recording.rate
    offset = np.nanmean(found.whole - true, axis=0)
    for axis, (name, tint) in enumerate((("down", "#0f766e"), ("right", "#b45309"))):
        below.plot(seconds, true[:, axis], color="#c3ccd5", linewidth=3.5, label="true" if axis else None)
        below.plot(seconds, (found.whole - offset)[:, axis], color=tint, linewidth=0.9, label=name)
    below.set(xlim=(0, seconds[-1]), xlabel="time (s)", ylabel="shift (px)")
    below.spines[["top", "right"]].set_visible(False)
    below.legend(frameon=False, ncol=3, loc="lower right", bbox_to_anchor=(1, 0.97), fontsize=9)
    figure.savefig(OUT / "register.png")


def write(table: list[str], dark: list[str], decided: list[str], speeds: list[str], real: list[str], count: int, first: int) -> None:
    """docs/benchmarks/register.md."""
    seeds = f"{count} movie{'s' * (count > 1)} of 200 frames of 192 × 192 px (seeds from {first})"
    text = f"""# Registration

`python benchmarks/register.py {count} [FOLDER of recordings]` writes this page: {seeds} for each line.

![A noisy frame, the mean before and after, and the shifts beside the true ones](register.png)

**Frame SNR** is the standard deviation over pixels of the noiseless mean image, over that of the white noise in one pixel of one frame.
Errors are in px: rms of one axis, rms length, and the worst frame's rms length over the field. Where the template lies is arbitrary: the
error's mean over time is taken out. *Bound* is Cramér and Rao's for one axis of a single frame against a perfect template, with all
frequencies; *plain* is what correlating whole frames with their mean gives (no taper, no filter, a parabola through the maximum).

| motion | frame SNR | rms of an axis | rms length | worst frame | masked frames | bound | plain |
|---|---|---|---|---|---|---|---|
{chr(10).join(table)}

## Little light and bursts of motion

`rigid`, on movies that move by 2 µm rms, in which six frames of every forty lie anywhere within 9 px besides, and all lie elsewhere
from the middle on.

| field | frame SNR | rms of an axis | farthest off | more than 1 px off, not masked | masked |
|---|---|---|---|---|---|
{chr(10).join(dark)}

## Speed

256 × 256 px, by the clock, with one thread and with {os.cpu_count()}. Once: test, template and filter. Frames per second: a frame's first
reading finds its shifts and puts it back; later ones put it back.

| | once, 1 thread | first reading | read again | once, {os.cpu_count()} threads | first reading | read again |
|---|---|---|---|---|---|---|
{chr(10).join(speeds)}
"""
    if decided:
        text += f"""
## What `register=auto` decides

Movies of 128 × 128 px. Beside it the CPU seconds of one thread that the test (and, where there is motion, the template) takes.

| movie | frame SNR | decided | takes |
|---|---|---|---|
{chr(10).join(decided)}
"""
    if real:
        text += f"""
## A recording from a miniscope

Mean correlation of frames with their mean, and of each with the next: as it is, and after taking away the fixed pattern of the sensor (band
from 3 to 15 px). *Stored shifts* are another program's.

| | with the mean | with the next | band: with the mean | band: with the next |
|---|---|---|---|---|
{chr(10).join(real)}

This recording had its background taken away by a flat top-hat, so that little but the sensor's own pattern, which does not move, and active
cells, which come and go, are left in single frames: `rigid` is held fast by the pattern. `auto` registers it by neighbours in time.
"""
    (OUT / "register.md").write_text(text, encoding="utf-8")
