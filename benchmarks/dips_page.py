"""What `dips.py` measured, as a page: tables, what they say, and pictures."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from common import versions
from pages import Mean, below, curve, figure, save, table

from detectnmf.event_table import EventTable
from detectnmf.events.match import EventScores, match_events
from detectnmf.judge.events import OVERLAP

CHOSEN = 3.0  # of the preset
LEVELS = (2.5, 3.0, 3.5, 4.0, 5.0, 6.0)  # of the threshold, units of noise
SMOOTH = {"threshold": None, "threshold, smoothed": (1.0, 1.0, 1.5)}  # squares, squares, frames
SEMINMF, EXPECTED = "semi-NMF (alpha)", "expected by the sweep"
FEWEST = 8  # squares x frames of a thresholded event
Row = dict[str, Any]


def alphas_of(rows: Iterable[Row]) -> tuple[float, ...]:
    return tuple(float(key.split()[1]) for key in next(iter(rows)) if key.startswith("alpha "))


def f1(rows: Iterable[Row], method: str, kind: str = "dips") -> Mean:
    """Mean over movies; of both kinds for `kind="all"`."""
    values = []
    for row in rows:
        counts = np.sum([row[method][one] for one in (("dips", "surges") if kind == "all" else (kind,))], axis=0)
        values.append(2 * counts[0] / max(counts[1] + counts[2], 1))
    return Mean.of(values)


def pooled(rows: Iterable[Row], method: str, key: str) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(row[method][key] for row in rows)])


def line(rows: list[Row], method: str) -> list[str]:
    """A line of the table."""
    hits, found, true = np.sum([row[method]["dips"] for row in rows], axis=0)
    area = pooled(rows, method, "dips area")
    return [
        method,
        f1(rows, method).show(),
        f"{hits / max(found, 1):.3f}",
        f"{hits / max(true, 1):.3f}",
        f"{np.median(pooled(rows, method, 'dips onset')):.2f}" if hits else "",
        f"{100 * np.median(np.abs(area)):.1f} ({100 * np.median(area):+.1f})" if hits else "",
        f"{100 * np.median(pooled(rows, method, 'dips depth')):+.1f}" if hits else "",
        f1(rows, method, "surges").show(2),
        f1(rows, method, "all").show(),
    ]


HEAD = ["", "F1 of dips", "precision", "recall", "onset error (s)", "area error (%)", "depth (%)", "F1 of surges", "F1 of both"]


def page(rows: dict[str, list[Row]], chosen: argparse.Namespace) -> list[str]:
    """The parts of the page."""
    parts = [
        "# Oxygen dips",
        "Simulated bioluminescence of awake cortex at 1 Hz and 2.35 µm per pixel, 320 × 320 px (`experiment=dips`): dips of "
        "9.4 %, 9 s and 1780 µm² (medians asked for) and surges of 7.8 %, 12 s and 25 900 µm² that grow, move and fade, at the published "
        "rates, on bleaching, jumps of the lamp, vessels, and slow glow of the tissue. *Anaesthetised*: dips of 3.3 %, 6 s and 1449 µm², "
        f"11.5 per mm² and minute. {len(next(iter(rows.values())))} movies each of {chosen.frames} s, seeds from {chosen.first} on; "
        "nothing was chosen on these seeds.",
        "- A found event is **right** when it is paired, one to one, with a true one of its sign whose area and whose time overlap its own "
        f"by {OVERLAP:g} (intersection over union, the smaller of the two). All true events are asked for, however weak; those that the "
        "recording cuts off are neither asked for nor mistakes. Onset, area and depth: medians over right dips; in brackets, and for the "
        "depth, with their sign.\n"
        "- **alpha**: `preset=dips demix.alpha=`. **threshold**: connected squares and frames beyond so many standard deviations of the "
        f"same detrended movie in squares of 4 px, {FEWEST} of them at least, measured by the same rules; **smoothed**: after a Gaussian "
        "of 1 square and 1.5 frames. (Pixel by pixel the noise is four times as large.)\n"
        "- **oracle**: told where and when each event was, it measures it: what noise and squares alone cost.",
        f"`python benchmarks/dips.py --seeds {chosen.seeds} --first {chosen.first} --frames {chosen.frames} --alphas {chosen.alphas}`",
        "![F1, and expected against true false events](dips.png)",
    ]
    for case, some in rows.items():
        evidence, depth, area = (np.concatenate([row["evidence"][k] for row in some]) for k in range(3))
        parts += [
            f"## {case.capitalize()}",
            f"{len(evidence)} dips; medians measured without noise: depth {100 * np.median(-depth):.1f} %, area {np.median(area):.0f} µm². "
            f"{100 * np.mean(evidence < 6):.0f} % have less than 6 standard deviations in a filter that knows them.",
            table(HEAD, [line(some, method) for method in methods(some)]),
        ]
    parts += ["## Reading", "\n".join(f"- {one}" for one in reading(rows)), "![true and found dips](dips_events.png)", versions()]
    return parts


def methods(some: list[Row]) -> list[str]:
    """Each alpha, and of each kind of threshold all levels."""
    names = ["oracle", *(f"alpha {alpha:g}" for alpha in alphas_of(some))]
    return names + [f"{name} {level:g}" for name in SMOOTH for level in LEVELS]


def reading(rows: dict[str, list[Row]]) -> list[str]:
    """What the numbers say, beside what was wanted."""
    lines = []
    for case, some in rows.items():
        best = {name: max((f1(some, f"{name} {level:g}").value, level) for level in LEVELS) for name in SMOOTH}
        top, level = max(best.values())
        ahead = [f"{alpha:g}" for alpha in alphas_of(some) if f1(some, f"alpha {alpha:g}").value > top]
        ours = f"alpha {CHOSEN:g}"
        onset, area = np.median(pooled(some, ours, "dips onset")), np.median(np.abs(pooled(some, ours, "dips area")))
        got = f1(some, ours)
        wanted = [("0.90", got.value >= 0.9), ("2", onset <= 2), ("20", area <= 0.2)] if case == "awake" else [None] * 3
        said = ["" if one is None else f" (wanted {one[0]}: {'reached' if one[1] else 'missed'})" for one in wanted]
        lines.append(f"{case}, alpha 3: F1 of dips {got.show()}{said[0]}, onset {onset:.2f} s{said[1]}, area {100 * area:.0f} %{said[2]}.")
        lines.append(
            f"{case}: the best threshold of all, chosen on these very movies (smoothed or not), has {top:.3f} at {level:g}; ahead of it: "
            f"alpha {', '.join(ahead) or 'none'} of {', '.join(f'{alpha:g}' for alpha in alphas_of(some))}."
        )
        both = {
            level: [f1(some, f"{method} {level:g}").value for method in ("alpha", "threshold")]
            for level in alphas_of(some)
            if level in LEVELS
        }
        beside = ", ".join(f"{one:.3f} and {other:.3f} at {level:g}" for level, (one, other) in both.items())
        lines.append(f"{case}: alpha and the plain threshold at the same level: {beside}.")
        told = []
        for alpha in alphas_of(some):
            wrong = np.mean(
                [sum(row[f"alpha {alpha:g}"][k][1] - row[f"alpha {alpha:g}"][k][0] for k in ("dips", "surges")) for row in some]
            )
            told.append(f"{alpha:g}: {np.mean([row[f'alpha {alpha:g}']['null'] for row in some]):.1f} ({wrong:.1f})")
        lines.append(f"{case}: false events that the sweep expects (and truly there) per movie at each alpha: {', '.join(told)}.")
        seconds = np.mean([row[ours]["seconds"] for row in some])
        lines.append(f"{case}: {seconds:.0f} CPU seconds of one thread after compression.")
    return lines


def draw(rows: dict[str, list[Row]], path: Path) -> None:
    """F1 against alpha and the level; false events, expected and true."""
    drawn, axes = figure(len(rows) + 1, 4.2, 3.6)
    for ax, (case, some) in zip(axes, rows.items(), strict=False):
        curve(ax, SEMINMF, alphas_of(some), [f1(some, f"alpha {alpha:g}") for alpha in alphas_of(some)])
        for name in SMOOTH:
            curve(ax, name, LEVELS, [f1(some, f"{name} {level:g}") for level in LEVELS])
        ax.set(xlabel="alpha, level (units of noise)", ylabel=f"F1 of dips, {case}", ylim=(0, 1.02))
    some = next(iter(rows.values()))
    keys = [f"alpha {alpha:g}" for alpha in alphas_of(some)]
    wrong = [Mean.of(sum(row[key][k][1] - row[key][k][0] for k in ("dips", "surges")) for row in some) for key in keys]
    curve(axes[-1], SEMINMF, alphas_of(some), wrong)
    curve(axes[-1], EXPECTED, alphas_of(some), [Mean.of(row[key]["null"] for row in some) for key in keys])
    axes[-1].set(xlabel="alpha", ylabel=f"false events per movie, {next(iter(rows))}", ylim=(0, None))
    below(drawn, axes[0])
    axes[-1].legend(frameon=False, fontsize=8)
    save(drawn, path)


def picture(found: EventTable | None, true: EventTable, path: Path) -> None:
    """Where and when: true events (outlines) and found ones (filled), all of them whole."""
    assert found is not None
    found, true = found[found.whole], true[true.whole]
    drawn, axes = figure(2, 5.0, 4.4)
    pair: EventScores = match_events(found, true, OVERLAP)
    right = np.isin(np.arange(len(found)), pair.pairs[:, 0])
    for ax, x, y, label in ((axes[0], "column", "row", "row (px)"), (axes[1], "onset", "row", "row (px)")):
        ax.scatter(getattr(true, x), getattr(true, y), s=np.sqrt(true.area), facecolors="none", edgecolors="#1c2733", lw=0.8, label="true")
        for which, colour, name in ((right, "#0f766e", "found, right"), (~right, "#b4472e", "found, false")):
            some = found[which]
            ax.scatter(getattr(some, x), getattr(some, y), s=0.5 * np.sqrt(some.area), color=colour, alpha=0.7, lw=0, label=name)
        ax.set(xlabel="column (px)" if x == "column" else "onset (s)", ylabel=label)
    below(drawn, axes[0])
    save(drawn, path)
