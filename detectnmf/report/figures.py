"""The report's drawings: each takes a result and gives a matplotlib Figure. No pyplot, no global state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectnmf.report.images import Pictures
from detectnmf.report.outlines import colour
from detectnmf.result import DemixResult
from detectnmf.traces.baseline import RunningPercentile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK, MUTED, LINE, PALE, ACCENT = "#1c2733", "#6b7785", "#d5dbe1", "#c3ccd5", "#0f766e"
POINTS = 600  # of a drawn trace
BELOW = 0.28  # of a trace's height: the room for its spikes
SEEN = 0.03  # of the largest: smaller spikes are not drawn
TITLES = {
    "probability": "probability of a cell",
    "snr": "signal to noise",
    "residual_correlation": "residual correlation",
    "explained_variance": "explained variance",
    "compactness": "compactness",
    "area": "area (px)",
    "overlap": "overlap with others",
    "crosstalk": "crosstalk from neighbours",
    "skewness": "skewness of the trace",
    "detector_score": "detector score",
    "noise": "trace noise (× pixel noise)",
}


def cells(result: DemixResult, chosen: np.ndarray, raw: np.ndarray | None, width: float = 5.9) -> Figure:
    """Footprint and trace of the chosen cells, one row each; behind the trace what the movie itself says (raw).

    The trace is the denoised one, on the level at which the raw one rests, with its spikes below; without signals the demixed one.
    """
    traces, signals = result.cells.traces, result.signals if result.events is None else None  # dips are no transients
    assert traces is not None
    figure = canvas(width, 0.82 * len(chosen) + 0.42)
    top, bottom = 0.14 / figure.get_figheight(), 0.42 / figure.get_figheight()
    grid = figure.add_gridspec(
        len(chosen), 2, width_ratios=[1, 1.2 * width], left=0.005, right=0.985, top=1 - top, bottom=bottom, hspace=0.42, wspace=0.03
    )
    seconds = np.arange(traces.shape[1]) / result.rate
    half = _half_window(result, chosen)
    for row, cell in enumerate(chosen):
        picture, line = figure.add_subplot(grid[row, 0]), figure.add_subplot(grid[row, 1])
        picture.imshow(_crop(result, int(cell), half), cmap=_ink(), interpolation="nearest", vmin=0)
        _frame(picture)
        trace = traces[cell]
        if raw is not None:
            _envelope(line, seconds, raw[row], PALE, 0.9)
            if signals is not None:
                rest = (raw[row] - signals.denoised[cell])[None]
                trace = signals.denoised[cell] + RunningPercentile(50.0)(rest, result.rate, signals.valid)[0]
        _envelope(line, seconds, trace, colour(int(cell)), 1.0)
        low, high = _limits(trace, None if raw is None else raw[row])
        if raw is not None and signals is not None:
            room = BELOW * (high - low)
            low -= room
            _spikes(line, seconds, signals.spikes[cell], low, 0.9 * room)
        line.set(xlim=(0, max(seconds[-1], 1e-9)), ylim=(low, high))
        line.spines[["top", "right", "left"]].set_visible(False)
        line.spines["bottom"].set_color(LINE)
        line.set_yticks([])
        line.tick_params(length=2, color=LINE, labelcolor=MUTED, labelsize=7, labelbottom=row == len(chosen) - 1)
        line.text(0.004, 1.02, str(cell), transform=line.transAxes, color=colour(int(cell)), fontsize=8.5, weight="bold", va="bottom")
        line.text(1, 1.02, _facts(result, int(cell)), transform=line.transAxes, color=MUTED, fontsize=7, va="bottom", ha="right")
    line.set_xlabel("time (s)", color=MUTED, fontsize=7.5, labelpad=2)
    return figure


def heatmap(result: DemixResult, most_rows: int = 500) -> Figure:
    """All traces, each from its own median (white) to its own maximum, alike ones beside each other."""
    traces = result.cells.traces
    assert traces is not None
    values = _scaled(traces)
    order = _similar_first(values)
    step = -(-len(order) // most_rows)
    figure = canvas(12, float(np.clip(0.9 + 0.055 * len(order), 1.7, 6.2)))
    axes = figure.add_axes((0.045, 0.5 / figure.get_figheight(), 0.945, 1 - 0.62 / figure.get_figheight()))
    duration = traces.shape[1] / result.rate
    shown = _binned_max(values[order[::step]], 1000)
    axes.imshow(shown, aspect="auto", cmap=_ink(), vmin=0, vmax=1, interpolation="nearest", extent=(0, duration, len(order), 0))
    _plain(axes)
    axes.set_xlabel("time (s)", color=MUTED, fontsize=8.5)
    axes.locator_params(axis="y", integer=True, nbins=max(2, min(8, len(order))))
    axes.set_ylabel("cells", color=MUTED, fontsize=8.5)
    return figure


def maps(result: DemixResult) -> Figure | None:
    """Noise level and rank of each pixel."""
    movie = result.movie
    if movie is None:
        return None
    panels = [("noise level (recording's units)", movie.std)]
    if movie.rank_map is not None:
        panels.append(("components kept", movie.rank_map))
    if movie.bad_pixels is not None and movie.bad_pixels.any():
        panels.append((f"masked pixels ({int(movie.bad_pixels.sum())})", movie.bad_pixels.astype(float)))
    return _panels(panels, [None] * len(panels), 8)


def explained(pictures: Pictures) -> Figure:
    """Energy of the denoised movie, of its parts and of what is left, all on one scale."""
    top = float(np.percentile(pictures.before, 99.5)) or 1.0
    named = [
        ("denoised movie", pictures.before),
        ("cells", pictures.cells),
        ("background", pictures.background),
        ("left over", pictures.after),
    ]
    return _panels([(name, np.sqrt(image)) for name, image in named], [float(np.sqrt(top))] * 4, 12)


def histograms(
    quality: dict[str, np.ndarray], cuts: dict[str, list[float]], rejected: dict[str, np.ndarray] | None = None
) -> Figure | None:
    """Each measure over the cells; in grey on top what was not kept; dashed lines where the judge cuts."""
    both = {name: np.concatenate([quality[name], (rejected or {}).get(name, quality[name][:0])]) for name in TITLES if name in quality}
    names = [name for name in both if np.isfinite(both[name]).any()]
    if not names:
        return None
    columns = 4
    rows = -(-len(names) // columns)
    figure = canvas(12, 1.75 * rows)
    grid = figure.add_gridspec(
        rows, columns, left=0.03, right=0.99, top=1 - 0.3 / (1.75 * rows), bottom=0.28 / (1.75 * rows), hspace=0.62, wspace=0.18
    )
    for place, name in enumerate(names):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        values = both[name][np.isfinite(both[name])].astype(float)
        low, high = min(values.min(), *cuts.get(name, [np.inf])), float(np.percentile(values, 99.5))
        if not high > low:  # all alike: one bar in the middle
            low, high = low - 0.5, low + 0.5
        parts = [np.clip(part[name][np.isfinite(part[name])], low, high) for part in (quality, rejected or {}) if name in part]
        colors = ["#7fbfb8", PALE][: len(parts)]
        axes.hist(parts, bins=24, range=(low, high), stacked=True, color=colors, edgecolor="white", linewidth=0.6)
        for cut in cuts.get(name, []):
            if cut <= high:
                axes.axvline(cut, color="#d6453d", linewidth=1.2, linestyle=(0, (3, 2)))
        _plain(axes)
        axes.spines["left"].set_visible(False)
        axes.tick_params(left=False)
        axes.locator_params(axis="y", nbins=3, integer=True)
        axes.set_title(TITLES[name], loc="left", fontsize=9, color=INK, pad=5)
    return figure


def convergence(history: dict[str, np.ndarray]) -> Figure | None:
    """The objective over the iterations, and how many cells there were; open dots where supports, cells or background were revised."""
    shown = [(name, np.asarray(history[name], float)) for name in ("objective", "cells") if np.size(history.get(name, ())) > 1]
    if not shown:
        return None
    figure = canvas(5.9, 1.9 * len(shown) + 0.2)
    revised = np.flatnonzero(np.asarray(history.get("structural", ()), bool))
    for place, (name, values) in enumerate(shown):
        axes = figure.add_subplot(len(shown), 1, place + 1)
        axes.plot(np.arange(1, len(values) + 1), values, color=ACCENT, linewidth=1.6, marker="o", markersize=2.4)
        marked = revised[revised < len(values)]
        axes.plot(
            marked + 1, values[marked], color="white", linewidth=0, marker="o", markersize=4.2, markeredgecolor=ACCENT, markeredgewidth=1.2
        )
        _plain(axes)
        axes.set_title(name, loc="left", fontsize=9, color=INK, pad=5)
        axes.locator_params(axis="x", integer=True, nbins=8)
        axes.locator_params(axis="y", nbins=4, integer=name == "cells")
        axes.ticklabel_format(axis="y", useOffset=False, style="plain") if values.max() < 1e5 else None
    axes.set_xlabel("iteration", color=MUTED, fontsize=8.5)
    figure.subplots_adjust(left=0.13, right=0.98, top=1 - 0.3 / figure.get_figheight(), bottom=0.42 / figure.get_figheight(), hspace=0.5)
    return figure


def _panels(panels: list[tuple[str, np.ndarray]], tops: list[float | None], total: float) -> Figure:
    """Images side by side in a figure `total` inches wide, each with its scale below."""
    rows, columns = panels[0][1].shape
    gap, above, below = 0.22, 0.32, 0.36
    width = (total - gap * (len(panels) - 1)) / len(panels)
    height = min(width * rows / columns, 5.0)
    figure = canvas(total, height + above + below)
    tall = height + above + below
    for place, ((name, image), top) in enumerate(zip(panels, tops, strict=True)):
        low = 0.0 if top is not None else float(np.percentile(image, 0.5))
        high = top if top is not None else float(np.percentile(image, 99.5))
        high = high if high > low else low + 1
        left = place * (width + gap) / total
        axes = figure.add_axes((left, below / tall, width / total, height / tall), anchor="NW")
        drawn = axes.imshow(small(image), cmap=_ink(), vmin=low, vmax=high, interpolation="nearest")
        _frame(axes)
        axes.set_title(name, loc="left", fontsize=9.5, color=INK, pad=6)
        scale = figure.add_axes((left, (below - 0.14) / tall, 1.2 / total, 0.07 / tall))
        bar = figure.colorbar(drawn, cax=scale, orientation="horizontal", ticks=[])
        bar.outline.set_visible(False)  # type: ignore[operator]
        for x, value, side in ((0, low, "left"), (1, high, "right")):
            scale.text(x, -0.6, _short(value), transform=scale.transAxes, ha=side, va="top", fontsize=7.5, color=MUTED)
    return figure


def canvas(width: float, height: float) -> Figure:
    """An empty drawing (inches)."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110)


def _ink() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ink", ["#ffffff", "#dcefec", "#8fcac2", "#2f938d", "#12565f", "#0a2733"])


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(length=3, color=LINE, labelcolor=MUTED, labelsize=8)


def _frame(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(LINE)
    axes.spines[:].set_linewidth(0.7)


def _envelope(axes: Axes, seconds: np.ndarray, trace: np.ndarray, tint: str, width: float) -> None:
    """A trace as a line; a long one as the minimum and maximum of each of many short pieces, so that no transient is lost."""
    if len(trace) > 2 * POINTS:
        step = -(-len(trace) // POINTS)
        pieces = trace[: len(trace) // step * step].reshape(-1, step)
        seconds = np.repeat(seconds[: len(pieces) * step : step], 2)
        trace = np.stack([pieces.min(axis=1), pieces.max(axis=1)], axis=1).ravel()
    axes.plot(seconds, trace, color=tint, linewidth=width, solid_joinstyle="round")


def _spikes(axes: Axes, seconds: np.ndarray, spikes: np.ndarray, bottom: float, height: float) -> None:
    """Each spike as a bar from the bottom, the largest one `height` high; of many the largest in each of many short pieces."""
    step = -(-len(spikes) // (2 * POINTS))
    tall = np.maximum.reduceat(spikes, np.arange(0, len(spikes), step))
    tall = tall / max(float(tall.max()), 1e-30)
    seen = np.flatnonzero(tall > SEEN)
    bars = np.stack([np.full(len(seen), bottom), bottom + height * tall[seen], np.full(len(seen), np.nan)], axis=1)
    axes.plot(np.repeat(seconds[seen * step], 3), bars.ravel(), color=INK, linewidth=0.7, solid_capstyle="butt")


def _limits(trace: np.ndarray, raw: np.ndarray | None) -> tuple[float, float]:
    both = trace if raw is None else np.concatenate([trace, raw])
    low, high = float(np.percentile(both, 0.1)), float(both.max())
    return low - 0.04 * (high - low + 1e-9), high + 0.04 * (high - low + 1e-9)


def _facts(result: DemixResult, cell: int) -> str:
    quality, trace = result.quality, result.cells.traces
    assert trace is not None
    words = [f"peak {_short(float(trace[cell].max()))}"]
    for name, word in (("probability", "p {:.2f}"), ("snr", "SNR {:.1f}"), ("residual_correlation", "r {:.2f}"), ("area", "{:.0f} px")):
        if name in quality:
            words.append(word.format(float(quality[name][cell])))
    return "  ·  ".join(words)


def _half_window(result: DemixResult, chosen: np.ndarray) -> int:
    """Half the side (px) of a window that shows most of each chosen footprint."""
    areas = [(result.cells.footprints[:, [int(cell)]].toarray() > 0.2).sum() for cell in chosen]
    return int(np.clip(0.75 * np.sqrt(max(areas)) + 2, 4, 60))


def _crop(result: DemixResult, cell: int, half: int) -> np.ndarray:
    image = result.cells.image(cell)
    if not image.any():
        return np.zeros((2 * half + 1, 2 * half + 1))
    row, column = (
        np.unravel_index(int(image.argmax()), image.shape) if image.sum() <= 0 else np.round(result.cells.centers[cell]).astype(int)
    )
    return np.pad(image, half)[row : row + 2 * half + 1, column : column + 2 * half + 1]


def _scaled(traces: np.ndarray) -> np.ndarray:
    above = traces - np.median(traces, axis=1, keepdims=True)
    return above / np.maximum(np.percentile(above, 99.9, axis=1, keepdims=True), 1e-12)


def _similar_first(values: np.ndarray, most: int = 2000) -> np.ndarray:
    """An order in which cells of like traces are neighbours (Ward's tree); the plain order for very many cells."""
    if not 3 <= len(values) <= most:
        return np.arange(len(values))
    from scipy.cluster.hierarchy import leaves_list, linkage

    coarse = _binned_max(values, 400)
    coarse = coarse - coarse.mean(axis=1, keepdims=True)
    coarse /= np.maximum(np.linalg.norm(coarse, axis=1, keepdims=True), 1e-12)
    return leaves_list(linkage(coarse, "ward"))


def _binned_max(values: np.ndarray, columns: int) -> np.ndarray:
    step = -(-values.shape[1] // columns)
    if step == 1:
        return values
    return np.maximum.reduceat(values, np.arange(0, values.shape[1], step), axis=1)


def small(image: np.ndarray, longest: int = 420) -> np.ndarray:
    step = -(-max(image.shape) // longest)
    rows, columns = (side // step for side in image.shape)
    return image[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3))


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == 0 else f"{value:.3g}"
