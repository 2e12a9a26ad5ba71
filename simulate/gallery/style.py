"""How the gallery's figures look. No pyplot, no global state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.io.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE, PALE, ACCENT, WARM = "#1c2733", "#5c6875", "#d5dbe1", "#aeb8c2", "#0f766e", "#c2410c"
DPI = 130
SHADOW = "#000000b0"  # behind words on a picture


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """As PNG, whole or not at all."""
    with replacing(path) as part:
        figure.savefig(part, format="png")


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at so many inches from the figure's left and upper edges."""
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))


def write(figure: Figure, left: float, top: float, text: str, **how: object) -> None:
    """Words at so many inches from the figure's left and upper edges; by default their upper left corner is there."""
    wide, high = figure.get_size_inches()
    style = {"fontsize": 9, "color": INK, "ha": "left", "va": "top", **how}
    figure.text(left / wide, 1 - top / high, text, **style)  # type: ignore[arg-type]


def stretched(axes: Axes, image: np.ndarray, colours: str = "gray") -> None:
    """An image between two of its percentiles, which are written into it."""
    low, high = (float(value) for value in np.percentile(image, (0.5, 99.8)))
    picture(axes, image, low, high, colours)
    note(axes, span(low, high), size=7)


def picture(axes: Axes, image: np.ndarray, low: float, high: float, colours: str = "gray", smooth: bool = False, **how: object) -> None:
    """An image (Y, X) without ticks or frame; `smooth` where it has more pixels than the picture."""
    drawn = {"interpolation": "antialiased" if smooth else "nearest", **how}
    axes.imshow(image, cmap=colours, vmin=low, vmax=high if high > low else low + 1, **drawn)  # type: ignore[arg-type]
    bare(axes)


def bare(axes: Axes) -> None:
    """No ticks and no frame."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def plain(axes: Axes) -> None:
    """A plot with two thin axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(length=2.5, pad=2, color=LINE, labelcolor=MUTED, labelsize=7)


def steps(axes: Axes, which: str, most: int, whole: bool = False) -> None:
    """At most so many ticks along x or y, at round numbers."""
    from matplotlib.ticker import MaxNLocator

    getattr(axes, f"{which}axis").set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10], integer=whole))


def note(axes: Axes, text: str, x: float = 0.04, y: float = 0.035, size: float = 7.5, **how: object) -> None:
    """White words on a picture; x and y from 0 to 1, from its lower left corner."""
    from matplotlib.patheffects import withStroke

    effects = [withStroke(linewidth=1.8, foreground=SHADOW)]
    style = {"color": "white", "ha": "left", "va": "bottom", "path_effects": effects, "transform": axes.transAxes, **how}
    axes.text(x, y, text, fontsize=size, **style)  # type: ignore[arg-type]


def scale_bar(axes: Axes, field: float, height: float | None = None, length: float | None = None, size: float = 7.5) -> None:
    """A white bar with its length in the lower right corner of a picture `field` µm wide and `height` µm high."""
    length = length or round_length(field / 4)
    ratio = 1.0 if height is None else field / height
    x = 0.96 - length / field
    note(axes, f"{length:g} µm", 0.96, 0.065 * ratio, size, ha="right")
    for width, colour in ((3.4, SHADOW), (2.0, "white")):
        axes.plot([x, 0.96], [0.045 * ratio] * 2, transform=axes.transAxes, color=colour, linewidth=width, solid_capstyle="butt")


def round_length(value: float) -> float:
    """1, 2 or 5 times a power of ten, the largest that is no longer than `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))


def hue(k: int) -> tuple[float, float, float]:
    """Well separated colours, one for each cell."""
    from matplotlib.colors import hsv_to_rgb

    red, green, blue = hsv_to_rgb([(0.47 + k * 0.618034) % 1, 0.72, 1.0])
    return float(red), float(green), float(blue)


def short(value: float) -> str:
    """Three digits at most."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def span(low: float, high: float) -> str:
    """A range, to a hundredth of its width or coarser."""
    places = int(np.clip(1 - np.floor(np.log10(max(high - low, 1e-12))), 0, 6))
    return " to ".join(f"{round(value, places) + 0.0:.{places}f}" for value in (low, high))


def percent(value: float) -> str:
    """A share as 100 %, 35 %, 3.5 %, 0.4 % or <0.1 %."""
    if value <= 0:
        return "0 %"
    return "<0.1 %" if value < 0.001 else f"{100 * value:.0f} %" if value >= 0.0995 else f"{100 * value:.1f} %"


def groups(names: list[str], most: int) -> list[list[str]]:
    """Names cut into as few groups of at most `most` as there can be, of nearly even size."""
    n = -(-len(names) // most)
    return [[str(name) for name in part] for part in np.array_split(np.array(names, object), n)] if n else []
