"""How the recording moved: the mean before and after, the shifts, and how well each frame agrees with the template."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.registration import MEANING, Registration
from detectnmf.report import figures
from detectnmf.report.encode import svg
from detectnmf.result import DemixResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOWN, RIGHT = "#0f766e", "#b45309"
WIDTH = 12.0  # inches


def motion(result: DemixResult) -> str:
    """The section; nothing for a recording that was not registered."""
    found = result.registration
    if found is None or found.bad_frames.all():
        return ""
    bad = int(found.bad_frames.sum())
    bends = found.shifts.shape[1:3] != (1, 1)
    caption = (
        "Above: the mean of all frames as they were recorded, and put back; what is sharper on the right was blurred by motion. "
        f"Below: how far the tissue has moved (down, right){', mean and, in pale, range over the field' if bends else ''}; "
        "and the correlation of each frame with the template, grey where it lay, green where it was put (noise lowers it)."
    )
    if bad:
        counts = (f"{int((found.flag == word).sum())} {meaning}" for word, meaning in MEANING.items() if (found.flag == word).any())
        caption += f" {bad} frame{'s were' if bad != 1 else ' was'} masked ({escape('; '.join(counts))}): the gaps."
    pictures = ((means(found), "mean image before and after"), (courses(found, result.rate), "shifts and agreement over time"))
    body = "".join(f'<div class="wide"><img alt="{words}" src="{svg(figure)}"></div>' for figure, words in pictures)
    return f'<section><h2>Motion</h2><p class="caption">{caption}</p>{body}</section>'


def means(found: Registration) -> Figure:
    """The two mean images, on one scale."""
    pictures = [("mean as recorded", found.mean_before), ("mean put back", found.mean_after)]
    middle = float(np.nanmedian(found.mean_before))
    panels = [(name, np.nan_to_num(image, nan=middle)) for name, image in pictures]
    low, high = np.percentile(panels[0][1], [0.5, 99.5])
    return figures._panels([(name, np.clip(image, low, high)) for name, image in panels], [None, None], 9)


def courses(found: Registration, rate: float) -> Figure:
    """Shifts, and agreement before and after, over time."""
    figure = figures.canvas(WIDTH, 3.4)
    above, below = figure.add_axes((0.05, 0.56, 0.94, 0.37)), figure.add_axes((0.05, 0.13, 0.94, 0.32))
    seconds = np.arange(len(found)) / rate
    rest = np.nanmedian(found.whole, axis=0)
    for axis, (name, tint) in enumerate((("down", DOWN), ("right", RIGHT))):
        every = found.shifts[..., axis].reshape(len(found), -1) - rest[axis]
        if every.shape[1] > 1:
            above.fill_between(seconds, every.min(axis=1), every.max(axis=1), color=tint, alpha=0.2, linewidth=0)
        _line(above, seconds, found.whole[:, axis] - rest[axis], tint, name)
    _line(below, seconds, np.where(found.bad_frames, np.nan, found.before), figures.PALE, "as recorded")
    _line(below, seconds, np.where(found.bad_frames, np.nan, found.agreement), figures.ACCENT, "put back")
    for axes, label in ((above, "shift (px)"), (below, "agreement")):
        figures._plain(axes)
        axes.set_xlim(0, max(float(seconds[-1]), 1e-9))
        axes.set_ylabel(label, color=figures.MUTED, fontsize=8.5)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncol=2, frameon=False, fontsize=8, labelcolor=figures.MUTED, borderpad=0)
    above.tick_params(labelbottom=False)
    below.set_xlabel("time (s)", color=figures.MUTED, fontsize=8.5)
    return figure


def _line(axes: Axes, seconds: np.ndarray, values: np.ndarray, tint: str, label: str) -> None:
    """A course; a long one as the least and the largest value of each of many short pieces, so that no jerk is lost."""
    if len(values) > 4 * figures.POINTS:
        step = -(-len(values) // (2 * figures.POINTS))
        pieces = values[: len(values) // step * step].reshape(-1, step)
        lost = np.isnan(pieces).all(axis=1, keepdims=True)
        pieces = np.where(lost, 0.0, pieces)
        ends = np.stack([np.nanmin(pieces, axis=1), np.nanmax(pieces, axis=1)], axis=1)
        seconds, values = np.repeat(seconds[: len(pieces) * step : step], 2), np.where(lost, np.nan, ends).ravel()
    axes.plot(seconds, values, color=tint, linewidth=0.9, label=label)
