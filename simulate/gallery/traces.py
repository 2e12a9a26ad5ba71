"""What cells do under each trace model: a few traces and the spikes behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.simulate.gallery import style
from detectnmf.simulate.traces.base import Activity, TraceModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS = 3  # per model
SPANS = ((60.0, 30.0), (600.0, 3.0))  # s, Hz: the second for what happens rarely
COLUMNS, WIDE, GAP, TALL, HEAD = 3, 4.2, 0.35, 1.5, 0.34  # inches


@dataclass(frozen=True)
class Course:
    """Activity at so many Hz."""

    activity: Activity
    rate: float


def follow(model: TraceModel, seed: int) -> Course:
    """A minute at 30 Hz; ten minutes at 3 Hz where less than one thing happens per cell in a minute."""
    for seconds, rate in SPANS:
        activity = model.draw(CELLS, round(seconds * rate), rate, np.random.default_rng(seed))
        if activity.spikes.sum() >= CELLS:
            break
    return Course(activity, rate)


def draw(made: Mapping[str, Course]) -> Figure:
    """A panel for each model, three cells in each, on one scale."""
    rows = -(-len(made) // COLUMNS)
    pitch = HEAD + TALL + 0.2
    figure = style.new_figure(0.15 + COLUMNS * (WIDE + GAP), 0.08 + rows * pitch)
    for place, (name, course) in enumerate(made.items()):
        left, top = 0.15 + (place % COLUMNS) * (WIDE + GAP), 0.08 + place // COLUMNS * pitch
        traces, spikes = course.activity.traces, course.activity.spikes
        time = np.arange(traces.shape[1]) / course.rate
        span = float(np.ptp(traces)) or 1.0
        low = min(0.0, float(traces.min()) / span)  # -1 for events that only dim
        ticks = np.array([-0.24, -0.14]) if low > -0.5 else np.array([0.1, 0.2])
        style.write(figure, left, top + HEAD - 0.07, name, va="bottom", fontsize=9, weight="bold")
        scale = f"bar: {style.short(style.round_length(span / 2))} dF/F   {time[-1]:.0f} s"
        style.write(figure, left + WIDE, top + HEAD - 0.07, scale, va="bottom", ha="right", fontsize=7.5, color=style.MUTED)
        axes = style.place(figure, left, top + HEAD, WIDE, TALL)
        for k in range(len(traces)):
            level = -1.35 * k
            axes.plot(time, level + traces[k] / span, color=style.ACCENT, linewidth=0.9)
            axes.vlines(time[spikes[k] > 0], *(level + ticks), color=style.WARM, linewidth=0.6)
        bar = style.round_length(span / 2) / span * (1 if low > -0.5 else -1)
        axes.plot([time[-1] * 1.02] * 2, [0, bar], color=style.INK, linewidth=2, solid_capstyle="butt")
        axes.set(xlim=(0, time[-1] * 1.03), ylim=(-1.35 * (len(traces) - 1) - 0.3 + low, max(1.05 + low, 0.25)))
        style.bare(axes)
    return figure
