"""The page's section on seeds: where each finder, and each of its steps, saw a cell."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.report import figures
from detectnmf.report.images import Pictures
from detectnmf.report.sections import picture, section
from detectnmf.result import DemixResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 4  # pictures in a row


def seeding(result: DemixResult, pictures: Pictures | None) -> str:
    """A picture of each step; nothing for a result that does not know."""
    if not result.seeding:
        return ""
    counts = ", ".join(f"{len(pixels)} by {escape(name)}" for name, pixels in result.seeding.items())
    caption = (
        f"Seeds, in the order in which they were sought: {counts}. Each finder sees what those before it left unexplained; demixing then "
        "merges, splits and drops what it finds no cell."
    )
    image = result.baseline if pictures is None else pictures.rise
    return section("Seeds", caption, picture(draw(result.seeding, image), "where each finder saw a cell"))


def draw(seeding: dict[str, np.ndarray], image: np.ndarray) -> Figure:
    """One panel a step: dots (pixels (n,) in C order) on an image (Y, X)."""
    rows, columns = image.shape
    down = -(-len(seeding) // ACROSS)
    width = 12.0 / ACROSS
    figure = figures.canvas(12.0, down * (width * min(rows / columns, 2.0) + 0.3))
    axes = figure.subplots(down, ACROSS, squeeze=False).ravel()
    low, high = np.quantile(image, [0.02, 0.998])
    for ax, (name, pixels) in zip(axes, seeding.items(), strict=False):
        ax.imshow(figures.small(image), cmap="gray", vmin=low, vmax=max(high, low + 1e-9), extent=(-0.5, columns - 0.5, rows - 0.5, -0.5))
        y, x = np.divmod(pixels, columns)
        ax.scatter(x, y, s=max(2.0, min(14.0, 1500.0 / max(len(pixels), 1))), c="#f28e2b", linewidths=0)
        ax.set_title(f"{name}: {len(pixels)}", fontsize=8, color=figures.INK, loc="left")
        ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    for ax in axes:
        ax.set_axis_off()
    figure.subplots_adjust(left=0.005, right=0.995, top=1 - 0.25 / figure.get_figheight(), bottom=0.005, wspace=0.03, hspace=0.12)
    return figure
