"""Markdown tables with errors, pages, and plots in one style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# of Okabe and Ito, told apart with any eyes; markers tell them apart in print
LOOKS = {
    "oracle": ("#000000", "--", "s"),
    "full pipeline": ("#D55E00", "-", "o"),
    "full pipeline, raw-projected": ("#E69F00", "-", "^"),
    "full pipeline, denoised": ("#7F7F7F", "-", "<"),
    "from true footprints": ("#0072B2", "-", "D"),
    "from true footprints, raw-projected": ("#56B4E9", "-", "v"),
    "NMF": ("#009E73", ":", "P"),
    "PCA/ICA": ("#CC79A7", ":", "X"),
    "detector": ("#D55E00", "-", "o"),
    "superpixels": ("#0072B2", "-", "D"),
    "greedy Gaussian": ("#009E73", ":", "P"),
    "scnmf": ("#D55E00", "-", "o"),
    "masknmf": ("#0072B2", "-", "D"),
    "masknmf, enhanced": ("#56B4E9", "-", "v"),
    "CNMF": ("#009E73", ":", "P"),
    "PCA/ICA, enhanced": ("#E69F00", ":", "^"),
    "semi-NMF (alpha)": ("#D55E00", "-", "o"),
    "expected by the sweep": ("#000000", "--", "s"),
    "threshold": ("#56B4E9", ":", "v"),
    "threshold, smoothed": ("#0072B2", "-", "D"),
}
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
INK, GRID = "#1f2d33", "#d9dfe2"


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error; NaN for none, and no error from one value."""

    value: float
    error: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Mean:
        known = np.array([v for v in values if v is not None and np.isfinite(v)], float)
        if not len(known):
            return cls(float("nan"), float("nan"), 0)
        error = float(known.std(ddof=1) / len(known) ** 0.5) if len(known) > 1 else float("nan")
        return cls(float(known.mean()), error, len(known))

    def show(self, digits: int = 3, sign: bool = False) -> str:
        if not self.count:
            return "-"
        text = f"{self.value:{'+' if sign else ''}.{digits}f}"
        return text if np.isnan(self.error) else f"{text} ± {self.error:.{digits}f}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write(folder: Path, name: str, parts: Sequence[str], quick: bool) -> None:
    """The page: printed, and written to the folder."""
    parts = [part for part in parts if part]
    if quick:
        parts.insert(1, "**A quick run: small movies, few seeds. Its numbers mean nothing.**")
    text = "\n\n".join(parts) + "\n"
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"wrote {folder / name}.md")


def figure(panels: int, width: float = 4.6, height: float = 3.6) -> tuple[Figure, list[Axes]]:
    """Panels in a row."""
    drawn = Figure(figsize=(width * panels, height), dpi=130, layout="constrained")
    FigureCanvasAgg(drawn)
    axes = list(drawn.subplots(1, panels, squeeze=False)[0])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(INK)
        ax.grid(color=GRID, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(colors=INK, labelsize=8)
    return drawn, axes


def curve(ax: Axes, name: str, x: Sequence[float], means: Sequence[Mean]) -> None:
    """A line with error bars."""
    colour, dash, marker = LOOKS[name]
    shown = [at for at, mean in enumerate(means) if mean.count]
    ax.errorbar(
        [x[at] for at in shown],
        [means[at].value for at in shown],
        yerr=[np.nan_to_num(means[at].error) for at in shown],
        color=colour,
        linestyle=dash,
        marker=marker,
        markersize=4,
        linewidth=1.4,
        capsize=2,
        label=name,
    )


def bars(ax: Axes, names: Sequence[str], groups: dict[str, Sequence[Mean]]) -> None:
    """Horizontal bars with errors, one group of bars for each name, from the top."""
    thick = 0.8 / max(len(groups), 1)
    for at, ((group, means), colour) in enumerate(zip(groups.items(), cycle(COLOURS), strict=False)):
        ax.barh(
            np.arange(len(names)) + thick * (at + 0.5) - 0.4,
            [np.nan_to_num(mean.value) for mean in means],
            thick * 0.9,
            xerr=[np.nan_to_num(mean.error) for mean in means],
            color=colour,
            error_kw={"linewidth": 0.9, "ecolor": INK},
            label=group,
        )
    label(ax, names)


def dots(ax: Axes, names: Sequence[str], groups: dict[str, Sequence[Mean]]) -> None:
    """Points with errors, one row of points for each name, from the top; for scores whose axis does not start at 0."""
    thick = 0.7 / max(len(groups), 1)
    for at, (group, means) in enumerate(groups.items()):
        colour, _, marker = LOOKS[group]
        rows = np.arange(len(names)) + thick * (at + 0.5) - 0.35
        values, errors = ([getattr(mean, part) for mean in means] for part in ("value", "error"))
        ax.errorbar(values, rows, xerr=np.nan_to_num(errors), color=colour, linestyle="", marker=marker, markersize=4.5, label=group)
    for edge in np.arange(len(names) - 1) + 0.5:
        ax.axhline(edge, color=GRID, linewidth=0.6)
    label(ax, names)


def label(ax: Axes, names: Sequence[str]) -> None:
    """Names from the top."""
    ax.set_yticks(np.arange(len(names)), [name.replace(", ", ",\n") for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)


def below(drawn: Figure, ax: Axes) -> None:
    """One legend for all panels, under them."""
    handles, names = ax.get_legend_handles_labels()
    drawn.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=8, frameon=False)


def save(drawn: Figure, path: Path) -> None:
    drawn.savefig(path)
