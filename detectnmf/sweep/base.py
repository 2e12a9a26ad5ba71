"""`Sweep`: what was found at each value of a knob, and how much of it is expected to be false; a table and a picture to pick from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing

INK, FALSE, SURE, LINE = "#1c2733", "#b4472e", "#0f766e", "#d5dbe1"


@dataclass(frozen=True)
class Found:
    """At one value: how many there are, and how many of them are expected to be false."""

    count: float
    false: float


@dataclass(frozen=True)
class Sweep:
    """A knob's values, ascending, and what was found at each.

    Args:
        knob: as typed on the command line. values: (n,). found: one for each.
        what: plural, such as "events". null: how the expected false ones were counted, in a sentence.
        chosen: the value in use; None marks none.
    """

    knob: str
    values: tuple[float, ...]
    found: tuple[Found, ...]
    what: str
    null: str
    chosen: float | None = None

    def suggested(self, share: float = 0.1) -> float | None:
        """The value that finds most while at most this share of it is expected to be false; None where there is no such value."""
        good = [
            (one.count, value) for value, one in zip(self.values, self.found, strict=True) if one.count and one.false <= share * one.count
        ]
        return max(good)[1] if good else None

    def csv(self) -> str:
        lines = [f"{self.knob},{self.what},expected false,expected share false"]
        for value, one in zip(self.values, self.found, strict=True):
            share = f"{one.false / one.count:.4g}" if one.count else ""
            lines.append(f"{value:g},{one.count:g},{one.false:.4g},{share}")
        return "\n".join(lines) + "\n"

    def table(self) -> str:
        """For the terminal."""
        rows = [(self.knob, self.what, "expected false")]
        rows += [(f"{value:g}", f"{one.count:g}", f"{one.false:.3g}") for value, one in zip(self.values, self.found, strict=True)]
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)

    def draw(self, path: Path) -> None:
        """Found and expected false against the knob (left), and the share that is false (right)."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.2, 3.7), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        count, false = (np.array([getattr(one, name) for one in self.found]) for name in ("count", "false"))
        left.plot(self.values, count, "-o", color=SURE, ms=4, label=f"{self.what} found")
        left.plot(self.values, false, "-s", color=FALSE, ms=4, label="expected false")
        left.fill_between(self.values, false, np.maximum(count, false), color=SURE, alpha=0.1, lw=0)
        left.set(ylabel=self.what, ylim=(0, None))
        left.legend(frameon=False)
        share = np.divide(false, count, out=np.full(len(count), np.nan), where=count > 0)
        right.plot(self.values, 100 * np.minimum(share, 1), "-s", color=FALSE, ms=4)
        right.set(ylabel="expected false (%)", ylim=(0, max(20.0, 105 * float(np.nanmax(np.minimum(share, 1), initial=0.0)))))
        right.axhline(10, color=LINE, lw=1, zorder=0)
        for ax in (left, right):
            if len(self.values) > 2 and min(self.values) > 0 and max(self.values) / min(self.values) >= 8:
                ax.set_xscale("log")
            ax.set_xticks(self.values, [f"{value:g}" for value in self.values])
            ax.minorticks_off()
            ax.set_xlabel(self.knob)
            ax.spines[["top", "right"]].set_visible(False)
            if self.chosen is not None:
                ax.axvline(self.chosen, color=INK, lw=1, ls=":", zorder=0)
        figure.suptitle(self.null, fontsize=8, color="#6b7785", x=0.01, ha="left")
        with replacing(path) as part:
            figure.savefig(part, format="png")


def ascending(values: Sequence[float]) -> tuple[float, ...]:
    """Values to sweep, each once.

    Raises:
        UserError: fewer than two.
    """
    once = tuple(sorted(set(map(float, values))))
    if len(once) < 2:
        raise UserError(f"a sweep needs two values at least, got values={list(values)}; such as values=[2,4,8]")
    return once
