"""The options of one group side by side: the plain scene, a row for each option, all else and every random choice the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.simulate.gallery import style
from detectnmf.simulate.gallery.matrix import broken
from detectnmf.simulate.gallery.movies import faults
from detectnmf.simulate.gallery.watch import Watched
from detectnmf.simulate.simulator import Simulated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE, GAP, LABEL, HEAD, PLOT, FOOT = 1.5, 0.07, 1.25, 0.32, 7.4, 0.4  # inches


def draw(made: Mapping[str, tuple[Simulated, Watched]], group: str) -> Figure:
    """Mean, one frame, standard deviation, and over time what tells the options of this group apart."""
    pitch = SIDE + 0.12
    right = LABEL + 3 * (SIDE + GAP) + 0.5
    figure = style.new_figure(right + PLOT + 0.15, HEAD + pitch * len(made) + FOOT)
    for place, title in enumerate(("mean", "one frame", "standard deviation")):
        style.write(figure, LABEL + place * (SIDE + GAP), HEAD - 0.06, title, va="bottom", fontsize=8.5)
    lines, title = COURSES.get(group, (_light, "mean of the frame, and of 5 × 5 px far from cells (grey), over their medians"))
    style.write(figure, right, HEAD - 0.06, title, va="bottom", fontsize=8.5)
    for row, (name, (simulated, watched)) in enumerate(made.items()):
        top = HEAD + row * pitch
        style.write(figure, LABEL - 0.1, top + SIDE / 2, broken(name), ha="right", va="center", fontsize=8.5)
        for place, (image, colours) in enumerate(((watched.mean, "gray"), (watched.frame, "gray"), (watched.std, "magma"))):
            axes = style.place(figure, LABEL + place * (SIDE + GAP), top, SIDE, SIDE)
            style.stretched(axes, image, colours)
            if (row, place) == (0, 0):
                height, width = (edge * simulated.recording.pixel_size for edge in simulated.truth.cells.size)
                style.scale_bar(axes, width, height, size=7)
        axes = style.place(figure, right, top + 0.05, PLOT, SIDE - 0.1)
        time = np.arange(len(watched.course)) / simulated.recording.rate
        for values, colour, width in lines(simulated, watched):
            axes.plot(time, values, color=colour, linewidth=width)
        low, high = axes.get_ylim()
        least = 1.0 if group == "motion" else 0.0  # µm
        axes.set(xlim=(0, max(float(time[-1]), 1e-9)), ylim=(min(low, -least) if least else low, max(high, least)))
        style.plain(axes)
        style.steps(axes, "y", 4)
        style.steps(axes, "x", 10)
        axes.tick_params(labelbottom=row == len(made) - 1)
        wrong = ", ".join(faults(simulated))
        axes.text(1, 1, wrong, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=style.WARM)
    axes.set_xlabel("time (s)", fontsize=8, color=style.MUTED, labelpad=2)
    return figure


Lines = list[tuple[np.ndarray, str, float]]  # values over time, colour, width


def _motion(simulated: Simulated, watched: Watched) -> Lines:
    shifts = simulated.truth.history["shifts"] * simulated.recording.pixel_size
    return [(shifts[:, 0], style.ACCENT, 1.0), (shifts[:, 1], style.WARM, 1.0)]


def _counts(simulated: Simulated, watched: Watched) -> Lines:
    return [(watched.seen[0], style.ACCENT, 0.9)] if len(watched.seen) else []


def _light(simulated: Simulated, watched: Watched) -> Lines:
    return [(relative(watched.ground), style.PALE, 0.9), (relative(watched.course), style.ACCENT, 1.2)]


def _drift(simulated: Simulated, watched: Watched) -> Lines:
    return [(relative(watched.course), style.PALE, 0.9), (relative(simulated.truth.history["drift"]), style.ACCENT, 1.2)]


COURSES: dict[str, tuple[Callable[[Simulated, Watched], Lines], str]] = {
    "motion": (_motion, "motion along y and x (orange), µm; mean over the field"),
    "drift": (_drift, "gain of all light, and the mean of the frame (grey), over their medians"),
    "camera": (_counts, "brightest pixel of the best cell, counts"),
}


def relative(course: np.ndarray) -> np.ndarray:
    """Over its median."""
    middle = float(np.median(course))
    return course / middle if middle > 0 else course
