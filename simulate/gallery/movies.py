"""A simulated movie on one page: summary images, true cells, traces with their spikes, how well cells stand out, motion and drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectnmf.simulate.gallery import style
from detectnmf.simulate.gallery.watch import Watched
from detectnmf.simulate.simulator import Simulated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, SIDE, GAP = 14.2, 2.7, 0.08  # inches: the page, a picture, between pictures
EDGE = (WIDTH - 5 * SIDE - 4 * GAP) / 2
HEAD, TITLE = 0.72, 0.24
ROW = 0.56  # of a trace
RIGHT = 3.3  # width of the plots at the right


def draw(name: str, simulated: Simulated, watched: Watched) -> Figure:
    """The page of one scene or experiment."""
    truth, recording = simulated.truth, simulated.recording
    tall = float(np.clip(SIDE * truth.cells.size[0] / truth.cells.size[1], 0.4 * SIDE, 1.6 * SIDE))
    top = HEAD + TITLE + tall + 0.42
    plots = _plots(simulated)
    height = max(6 * ROW, 1.35 * len(plots))
    figure = style.new_figure(WIDTH, top + height + 0.42)
    style.write(figure, EDGE, 0.12, name, fontsize=14, weight="bold")
    style.write(figure, EDGE, 0.44, facts(simulated), fontsize=9, color=style.MUTED)

    moment = watched.moment / recording.rate
    panels = [
        ("mean", watched.mean, "gray"),
        ("maximum", watched.maximum, "gray"),
        (f"one frame, t = {style.short(moment)} s", watched.frame, "gray"),
        ("correlation with neighbours", watched.correlation, "magma"),
    ]
    field = truth.cells.size[1] * recording.pixel_size, truth.cells.size[0] * recording.pixel_size
    for place, (title, image, colours) in enumerate(panels):
        axes = _panel(figure, place, tall, title)
        style.stretched(axes, image, colours)
        _bar(axes, field)
    axes = _panel(figure, 4, tall, f"true cells ({len(truth.cells)}); numbers as below")
    axes.imshow(coloured(simulated), interpolation="nearest")
    style.bare(axes)
    _bar(axes, field)
    for number, pixel in enumerate(watched.pixels):
        y, x = divmod(int(pixel), truth.cells.size[1])
        _number(axes, x, y, str(number + 1))

    left = EDGE + 0.28
    _traces(figure, simulated, watched, (left, top, WIDTH - EDGE - RIGHT - 1.15 - left, height / 6))
    for place, plot in enumerate(plots):
        at = style.place(figure, WIDTH - EDGE - RIGHT, top + 0.06 + place * height / len(plots), RIGHT, height / len(plots) - 0.6)
        {"snr": _snr, "motion": _motion, "drift": _drift}[plot](at, simulated)
    return figure


def facts(simulated: Simulated) -> str:
    """What was reached, in one line."""
    report, recording = simulated.report, simulated.recording
    frames, rows, columns = recording.shape
    words = [
        f"{report['cells']} cells" + (f" (+ {report['hidden']} hidden)" if report["hidden"] else ""),
        f"R$_c$ {report['density']:.2f}",
        f"SNR {report['snr']:.3g}",
        *([f"signal level {report['level']:.2g}"] if report["level"] > 0 else []),
        f"overlap {report['overlap']:.2f}",
        f"{report['spikes']:.2g} spikes/s",
        f"{style.short(report['light'])} photons/px",
        f"{frames} frames at {recording.rate:g} Hz",
        f"{rows} × {columns} px of {recording.pixel_size:g} µm",
    ]
    if report["saturated"] > 0.001:
        words.append(f"{report['saturated']:.0%} clipped")
    return "  ·  ".join([*words, *faults(simulated)])


def faults(simulated: Simulated) -> list[str]:
    """What went wrong with frames."""
    history = simulated.truth.history
    steps = np.diff(history["frames"])
    counts = {"lost": np.maximum(steps - 1, 0).sum(), "written twice": (steps == 0).sum(), "blank": np.sum(history["blank"])}
    wrong = ", ".join(f"{int(n)} {what}" for what, n in counts.items() if n)
    return [f"frames: {wrong}"] if wrong else []


def coloured(simulated: Simulated) -> np.ndarray:
    """(Y, X, 3) footprints, each in a colour of its own."""
    truth = simulated.truth
    layer = np.zeros((truth.cells.size[0] * truth.cells.size[1], 3))
    for k in range(len(truth.cells)):
        column = truth.cells.footprints[:, [k]].tocoo()
        layer[column.row] += column.data[:, None] * np.array(style.hue(k))
    return np.clip(layer, 0, 1).reshape(*truth.cells.size, 3)


def _plots(simulated: Simulated) -> list[str]:
    """What stands at the right: motion and drift only where there are any."""
    history = simulated.truth.history
    some = {"snr": True, "motion": bool(np.any(history["shifts"])), "drift": float(np.ptp(history["drift"])) > 1e-6}
    return [plot for plot, there in some.items() if there]


def _panel(figure: Figure, place: int, tall: float, title: str) -> Axes:
    left = EDGE + place * (SIDE + GAP)
    style.write(figure, left, HEAD + TITLE - 0.06, title, va="bottom", fontsize=8.5)
    return style.place(figure, left, HEAD + TITLE, SIDE, tall)


def _bar(axes: Axes, field: tuple[float, float]) -> None:
    style.scale_bar(axes, *field, size=7)


def _number(axes: Axes, x: float, y: float, text: str) -> None:
    from matplotlib.patheffects import withStroke

    effects = [withStroke(linewidth=2, foreground=style.SHADOW)]
    axes.text(x, y, text, color="white", fontsize=7.5, ha="center", va="center", weight="bold", path_effects=effects)


def _traces(figure: Figure, simulated: Simulated, watched: Watched, where: tuple[float, float, float, float]) -> None:
    """The movie at each cell's brightest pixel, in grey; what the cell alone does there; its spikes.

    Args:
        where: left, top, width, and height of a row (inches).
    """
    left, top, width, tall = where
    truth = simulated.truth
    time = np.arange(simulated.recording.shape[0]) / simulated.recording.rate
    what = "cells, best to median SNR: their brightest pixels in the movie (grey), their own light in them, their spikes"
    title = what if len(watched.cells) else "no cell counts as seen"
    style.write(figure, left, top - 0.1, title, va="bottom", fontsize=8.5)
    for row, k in enumerate(watched.cells):
        axes = style.place(figure, left, top + row * tall, width, tall)
        colour = np.array(style.hue(int(k))) * 0.72
        axes.plot(time, watched.seen[row], color=style.PALE, linewidth=0.7)
        axes.plot(time, watched.true[row], color=colour, linewidth=1.3)
        both = np.concatenate([watched.seen[row], watched.true[row]])
        low, high = float(both.min()), float(both.max())
        span = max(high - low, 1e-9)
        spikes = time[np.asarray(truth.history["spikes"][int(k)]) != 0]
        axes.vlines(spikes, low - 0.22 * span, low - 0.06 * span, color=colour, linewidth=0.8)
        axes.set(xlim=(0, max(float(time[-1]), 1e-9)), ylim=(low - 0.3 * span, high + 0.06 * span), yticks=[])
        style.plain(axes)
        axes.spines["left"].set_visible(False)
        last = row == len(watched.cells) - 1
        axes.spines["bottom"].set_visible(last)
        axes.tick_params(bottom=last, labelbottom=last)
        style.steps(axes, "x", 10)
        middle = top + (row + 0.55) * tall
        style.write(figure, left - 0.08, middle, str(row + 1), ha="right", va="center", fontsize=8.5, weight="bold", color=tuple(colour))
        snr = float(truth.quality["snr"][int(k)])
        style.write(figure, left + width + 0.06, middle, f"SNR {snr:.3g}", va="center", fontsize=7.5, color=style.MUTED)
        if last:
            axes.set_xlabel("time (s)", fontsize=8, color=style.MUTED, labelpad=2)


def _snr(axes: Axes, simulated: Simulated) -> None:
    snr = simulated.truth.quality["snr"]
    if len(snr):
        axes.hist(snr, bins=24, range=(0, float(snr.max()) * 1.001), color="#7fbfb8", edgecolor="white", linewidth=0.5)
        axes.axvline(float(np.median(snr)), color=style.WARM, linewidth=1.1, linestyle=(0, (3, 2)))
    _finish(axes, "SNR of the cells (median dashed)", "peak over noise at the brightest pixel")
    style.steps(axes, "y", 4, whole=True)


def _motion(axes: Axes, simulated: Simulated) -> None:
    recording = simulated.recording
    shifts = simulated.truth.history["shifts"] * recording.pixel_size
    time = np.arange(len(shifts)) / recording.rate
    for values, name, colour in ((shifts[:, 0], "y", style.ACCENT), (shifts[:, 1], "x", style.WARM)):
        axes.plot(time, values, color=colour, linewidth=0.9, label=name)
    axes.legend(frameon=False, fontsize=7, ncols=2, loc="upper right", handlelength=1, borderaxespad=0, labelcolor=style.MUTED)
    low, high = float(shifts.min()), float(shifts.max())
    axes.set(xlim=(0, time[-1]), ylim=(low - 0.08 * (high - low), high + 0.3 * (high - low)))
    rigid = "shift_field" not in simulated.truth.history
    _finish(axes, "motion (µm)" if rigid else "motion (µm), mean over the field", "time (s)")


def _drift(axes: Axes, simulated: Simulated) -> None:
    drift = simulated.truth.history["drift"]
    time = np.arange(len(drift)) / simulated.recording.rate
    axes.plot(time, drift, color=style.ACCENT, linewidth=1)
    axes.set_xlim(0, time[-1])
    axes.ticklabel_format(axis="y", useOffset=False)
    _finish(axes, "brightness of the whole field, relative", "time (s)")


def _finish(axes: Axes, title: str, below: str) -> None:
    style.plain(axes)
    axes.set_title(title, loc="left", fontsize=8.5, color=style.INK, pad=4)
    axes.set_xlabel(below, fontsize=8, color=style.MUTED, labelpad=2)
    style.steps(axes, "x", 7)
