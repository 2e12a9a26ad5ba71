"""The section on events: where and when they were, how strong, and a table of them all."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.event_table import EventTable
from detectnmf.report.encode import svg
from detectnmf.result import DemixResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIP, SURGE, INK, MUTED = "#2563a8", "#c2571a", "#1c2733", "#6b7785"
ROWS = 1000  # of the table
SHOWN = 12  # courses, the most certain ones
LONGEST = 420  # px of a drawn picture's side
COLUMNS = ("onset", "duration", "area", "depth", "row", "column", "drift_rows", "drift_columns", "evidence")
HEADS = ("onset (s)", "duration (s)", "area (µm²)", "depth (%)", "row (px)", "column (px)", "drift down (µm)", "right (µm)", "evidence")


def events(result: DemixResult) -> str:
    """Nothing for a result without an event table."""
    table = result.events
    if table is None:
        return ""
    if not len(table):
        return (
            '<section class="help"><h2>No events: what to try</h2><p>The run went through, and nothing departs from rest by more than '
            "was asked for.</p><ul><li>Lower the price of space: <code>demix.alpha=2</code>; "
            "<code>detectnmf sweep MOVIE preset=dips</code> shows what each value finds.</li><li>Is the diameter right? "
            "<code>diameter=48um</code> is that of a dip of 1780 µm²; the pixel size stands at the top of this page.</li><li>Are events "
            "slower than the drift that was removed? Raise <code>enhance.window</code> (s).</li></ul></section>"
        )
    pictures = "".join(
        f'<div class="wide"><img alt="{words}" src="{svg(drawn)}"></div>'
        for drawn, words in ((where_and_when(result, table), "where and when events were"), (courses(result, table), "courses of events"))
    )
    return f'<section><h2>Events</h2><p class="caption">{summary(result, table)}</p>{pictures}{listing(table)}</section>'


def summary(result: DemixResult, table: EventTable) -> str:
    """How many, how often, and the medians, of each kind."""
    frames, rows, columns = result.shape
    field, minutes = rows * columns * (result.pixel_size / 1000) ** 2, frames / result.rate / 60
    told = []
    for name, some in (("dips", table[table.dips]), ("surges", table[~table.dips])):
        if len(some):
            medians = f"{np.median(some.duration):.3g} s, {np.median(some.area):,.0f} µm², {100 * np.median(some.depth):+.1f} %"
            told.append(f"{len(some)} {name} ({len(some) / field / minutes:.3g} per mm² and minute; medians: {medians})")
        else:
            told.append(f"no {name}")
    cut = int((~table.whole).sum())
    more = f" {cut} of them {'are' if cut != 1 else 'is'} cut off by the recording's ends." if cut else ""
    return (
        f"{' and '.join(told)}.{more} Outlines at half of the depth; a bar lasts as long as the event, from its onset. Also in events.csv."
    )


def where_and_when(result: DemixResult, table: EventTable) -> Figure:
    """A map with the outlines of all events, and their times against their rows, with how many there are at once."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5.0), dpi=110, layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.5], height_ratios=[4, 1])
    field, raster, count = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
    image = result.baseline if result.movie is None else result.movie.std
    low, high = np.percentile(image, [1, 99.5])
    extent = (-0.5, result.shape[2] - 0.5, result.shape[1] - 0.5, -0.5)
    step = -(-max(image.shape) // LONGEST)
    field.imshow(image[::step, ::step], cmap="Greys", vmin=low, vmax=low + 2.2 * max(high - low, 1e-9), extent=extent)
    for k in range(len(table)):
        outline(field, table, k)
    field.set(xlim=extent[:2], ylim=extent[2:], xlabel="column (px)", ylabel="row (px)")
    for dips, tint in ((True, DIP), (False, SURGE)):
        some = table[table.dips == dips]
        bars = np.stack([np.stack([some.onset, some.row], 1), np.stack([some.onset + some.duration, some.row], 1)], axis=1)
        raster.add_collection(LineCollection(list(bars), colors=tint, linewidths=np.clip(25 * np.abs(some.depth), 0.8, 6), capstyle="butt"))
        edges = np.arange(0, result.shape[0] / result.rate + 1, 1.0)
        busy = (some.onset[:, None] <= edges) & (some.onset[:, None] + some.duration[:, None] > edges)
        count.plot(edges, busy.sum(axis=0), color=tint, lw=1, drawstyle="steps-post", label="dips" if dips else "surges")
    seconds = (0, result.shape[0] / result.rate)
    raster.set(xlim=seconds, ylim=(result.shape[1], 0), ylabel="row (px)")
    raster.tick_params(labelbottom=False)
    count.set(xlim=seconds, ylim=(0, None), xlabel="time (s)", ylabel="at once")
    count.legend(frameon=False, fontsize=7, loc="upper right", ncols=2)
    for ax in (field, raster, count):
        plain(ax)
    return figure


def outline(ax: Axes, table: EventTable, k: int) -> None:
    """Where event k exceeds half of its maximum."""
    mine = table.footprints[:, [k]].tocoo()
    rows, columns = np.divmod(mine.row, table.size[1])
    if not len(rows):
        return
    corner = rows.min() - 1, columns.min() - 1
    window = np.zeros((rows.max() - corner[0] + 2, columns.max() - corner[1] + 2), np.float32)
    window[rows - corner[0], columns - corner[1]] = mine.data
    y, x = np.arange(window.shape[0]) + corner[0], np.arange(window.shape[1]) + corner[1]
    ax.contour(x, y, window, levels=[0.5], colors=DIP if table.depth[k] < 0 else SURGE, linewidths=0.9)


def courses(result: DemixResult, table: EventTable) -> Figure:
    """The courses of the most certain events of each kind, in per cent."""
    from matplotlib.figure import Figure

    chosen = [np.flatnonzero(table.dips == dips) for dips in (True, False)]
    chosen = [which[np.argsort(-table.evidence[which], kind="stable")][:SHOWN] for which in chosen if len(which)]
    figure = Figure(figsize=(12, 2.5), dpi=110, layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(chosen)))
    for ax, which in zip(axes, chosen, strict=True):
        dips = bool(table.dips[which[0]])
        for k in which:
            seconds = (np.arange(len(table.courses[k])) + table.first[k] + 0.5) / result.rate - table.onset[k]
            ax.plot(seconds, 100 * table.courses[k], color=DIP if dips else SURGE, lw=1, alpha=0.7)
        ax.axhline(0, color="#d5dbe1", lw=0.8, zorder=0)
        ax.axvline(0, color="#d5dbe1", lw=0.8, zorder=0)
        ax.set(xlabel="time since onset (s)", ylabel="change (%)")
        ax.set_title(f"{'dips' if dips else 'surges'}, the {len(which)} most certain", fontsize=8.5, color=INK, loc="left")
        plain(ax)
    return figure


def plain(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=2, labelsize=7.5, labelcolor=MUTED)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(fontsize=8, color=MUTED)


def listing(table: EventTable) -> str:
    """All events, folded away."""
    head = "".join(f"<th class=n>{escape(word)}</th>" for word in HEADS)
    lines = []
    for k in range(min(len(table), ROWS)):
        values = [float(getattr(table, name)[k]) * (100 if name == "depth" else 1) for name in COLUMNS]
        cells = "".join(f"<td class=n>{value:.4g}</td>" for value in values)
        dot = f'<span class="dot" style="background:{DIP if table.depth[k] < 0 else SURGE}"></span>'
        lines.append(f"<tr><td>{dot}{k}</td>{cells}</tr>")
    more = f" (the first {ROWS})" if len(table) > ROWS else ""
    rows = f'<div class="scroll"><table><tr><th>event</th>{head}</tr>{"".join(lines)}</table></div>'
    return f'<details style="margin-top:16px"><summary>Table of all events{more}</summary>{rows}</details>'
