"""The drawings of the doctor's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectnmf.doctor.frames import odd_frames
from detectnmf.doctor.motion import Motion
from detectnmf.doctor.sample import Sample
from detectnmf.report.figures import ACCENT, INK, LINE, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WARN = "#d6453d"


def axes(sample: Sample) -> Figure:
    """First, middle and last frame seen, with the sides named; then the mean."""
    recording = sample.recording
    frames, rows, columns = recording.shape
    shown = [int(sample.index[place]) for place in (0, len(sample.index) // 2, -1)]
    images = [(f"frame {t} of {frames}" + (f", {t / recording.rate:.3g} s" if t else ""), recording[t]) for t in shown]
    figure = _figure(12, 12 / 4 * min(max(rows / columns, 0.35), 1.6) + 0.55)
    grid = figure.subplots(1, 4)
    for panel, (name, image) in zip(grid, [*images, ("mean", sample.average)], strict=True):
        values = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
        step = max(1, max(values.shape) // 400)
        low, high = np.percentile(values, [0.5, 99.7])
        panel.imshow(
            values[::step, ::step], cmap="gray", vmin=low, vmax=max(high, low + 1e-9), extent=(0, columns, rows, 0), interpolation="nearest"
        )
        panel.set_title(name, loc="left", fontsize=9.5, color=INK, pad=6)
        panel.tick_params(length=2, color=LINE, labelcolor=MUTED, labelsize=7.5)
        panel.spines[:].set_color(LINE)
    grid[0].set_xlabel(f"X: {columns} columns →", color=MUTED, fontsize=8.5)
    grid[0].set_ylabel(f"← Y: {rows} rows", color=MUTED, fontsize=8.5)
    figure.subplots_adjust(
        left=0.045, right=0.995, top=1 - 0.28 / figure.get_figheight(), bottom=0.45 / figure.get_figheight(), wspace=0.16
    )
    return figure


def course(sample: Sample, motion: Motion | None) -> Figure:
    """Mean brightness of each frame seen, odd ones marked; below, where the field is."""
    moving = motion is not None
    figure = _figure(12, 3.6 if moving else 1.9)
    panels = figure.subplots(2 if moving else 1, 1, sharex=True, squeeze=False)[:, 0]
    top, odd = panels[0], odd_frames(sample)
    x, y = _broken(sample.index, sample.mean)
    top.plot(x, y, color=ACCENT, linewidth=0.9)
    place = {int(frame): k for k, frame in enumerate(sample.index)}
    for name, which, sign in (
        ("dark", odd.dark, "v"),
        ("flashed", odd.flashed, "^"),
        ("repeated", odd.repeated, "o"),
        ("missing", odd.missing, "x"),
    ):
        if len(which):
            heights = sample.mean[[place[int(frame)] for frame in which]]
            top.plot(which, heights, linewidth=0, marker=sign, markersize=4, color=WARN, label=f"{name} ({len(which)})")
    for start in sample.recording.starts:
        top.axvline(start, color=LINE, linewidth=0.8)
    if top.get_legend_handles_labels()[0]:
        top.legend(fontsize=8, frameon=False, loc="upper right")
    _plain(top, "mean brightness")
    if motion is not None:
        for column, (name, tint) in enumerate((("down", ACCENT), ("right", "#b45309"))):
            x, y = _broken(motion.index, motion.shifts[:, column])
            panels[1].plot(x, y, color=tint, linewidth=0.8, label=name)
        panels[1].legend(fontsize=8, frameon=False, loc="upper right", ncols=2)
        _plain(panels[1], "shift (px)")
    panels[-1].set_xlabel("frame", color=MUTED, fontsize=8.5)
    figure.subplots_adjust(left=0.055, right=0.99, top=0.97, bottom=0.42 / figure.get_figheight(), hspace=0.16)
    return figure


def _broken(index: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With a gap wherever frames were left out."""
    gaps = np.flatnonzero(np.diff(index) > 1) + 1
    return np.insert(index.astype(float), gaps, np.nan), np.insert(values.astype(float), gaps, np.nan)


def _plain(axes: Axes, label: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(length=3, color=LINE, labelcolor=MUTED, labelsize=8)
    axes.set_ylabel(label, color=MUTED, fontsize=8.5)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110)
