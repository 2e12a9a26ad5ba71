"""Traces: noise, decay, exactness and speed of deconvolution, spikes against true ones, and denoised traces beside the oracle.

    python benchmarks/traces.py [--quick] [--seeds 4] [--densities 0.3,0.8,1.0]

Writes traces.md and traces.png. Recordings with electrophysiology are used where DETECTNMF_DATA names their folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from time import perf_counter, process_time

import numpy as np
from common import Case, Scores, oracle, score, versions
from pages import COLOURS, Mean, figure, save, table, write
from runs import options, understood
from trace_scores import (
    READERS,
    REAL_RATE,
    TEXTBOOK,
    Known,
    agreement,
    autoregressive,
    estimates,
    exactness,
    recorded,
    simulated,
    spikes_of,
    timed,
)  # fmt: skip

from detectnmf.traces.oasis import Oasis

FIRST = 2000  # seeds that no other benchmark uses
DENSITIES = (0.3, 0.8, 1.0)
ACTIVITIES = ("ar1", "gcamp6f", "gcamp6s", "gcamp8f", "jrcamp1a")
SNRS = (3.0, 10.0)
WAYS = (*READERS, TEXTBOOK)
NOISE_WANTED, DECAY_WANTED, SPEED_WANTED, EXACT_WANTED = 0.03, 0.02, 5.0, 1e-6


def main() -> None:
    """Measure, then write the page."""
    parser = options("traces", __doc__, seeds=4)
    parser.add_argument("--densities", help=f"R_c, with commas ({','.join(map(str, DENSITIES))})")
    chosen = understood(parser)
    densities = tuple(float(one) for one in chosen.densities.split(",")) if chosen.densities else DENSITIES
    quick = ("sim.size=[64,64]", "sim.frames=400") if chosen.quick else ()
    size = (8, 600) if chosen.quick else (40, 3000)
    spikes = {(name, snr): correlations(simulated(name, *size, snr, FIRST)) for name in ACTIVITIES for snr in SNRS}
    real = {name: [correlations(cell) for cell in cells[: 2 if chosen.quick else None]] for name, cells in recorded().items()}
    movies = {
        density: [of_movie(("experiment=bessel_density", f"sim.density={density:g}", *quick), FIRST + seed) for seed in range(chosen.seeds)]
        for density in densities
    }
    draw(spikes, movies, chosen)
    write(chosen.out, "traces", page(spikes, real, movies, chosen), chosen.quick)


Row = dict[str, list[float]]  # by way, a value for each cell


def correlations(known: Known) -> Row:
    """With true counts, by each way; of the default also a frame later."""
    found = spikes_of(known)
    row = {name: agreement(spikes, known.spikes) for name, spikes in found.items()}
    row["a frame later"] = agreement(found["default"], known.spikes, 1)
    return row


def of_movie(overrides: tuple[str, ...], seed: int) -> Scores:
    """Recovery accuracies of one movie."""
    case = Case(overrides, seed)
    found = score(case.run(), case.truth)
    return {"oracle": oracle(case)["recovery"], **{name: found[name] for name in ("recovery", "raw", "denoised")}}


def page(
    spikes: dict[tuple[str, float], Row], real: dict[str, list[Row]], movies: dict[float, list[Scores]], chosen: argparse.Namespace
) -> list[str]:
    """The parts of the page."""
    few = chosen.quick
    known = []
    for g in (0.95, 0.9, 0.8):
        for snr in (3.0, 10.0, 40.0):
            found = estimates(autoregressive(20 if few else 100, 2000 if few else 10_000, g, 0.01, snr, FIRST), snr, g)
            noise = f"{100 * found['noise']:+.1f} ± {100 * found['spread']:.1f} %"
            shares = f"{100 * found['within']:.0f} %", f"{100 * found['g_within']:.0f} %"
            known.append([f"{g:g}", f"{snr:g}", noise, f"{100 * found['plain']:+.0f} %", shares[0], f"{found['g']:.3f}", shares[1]])
    sizes = ((100, 1000), (20, 1000)) if few else ((1000, 10_000), (200, 10_000))
    times = [[order, *size, *(f"{value:.1f}" for value in timed(*size, order))] for order, size in zip((1, 2), sizes, strict=True)]
    reads = [["all of reading", 60, 2000, *(f"{value:.2f}" for value in reading())]]
    worst = exactness(60 if few else 150)
    return [
        "# Traces",
        "What `detectnmf/traces` makes of traces whose truth is known; default settings. What the knobs mean: `docs/traces.md`.",
        f"`python benchmarks/traces.py --seeds {chosen.seeds}`",
        "![spikes against true ones; denoised traces against the oracle](traces.png)",
        "## Beyond the oracle",
        f"Recovery accuracy on the movies of `density.md`, mean over {chosen.seeds} of seeds from {FIRST} on. The oracle is told the true "
        "footprints, baseline and background, and regresses without a temporal model.",
        table(
            ["R_c", "oracle", "demixed", "raw-projected", "denoised", "denoised − oracle", "least of these"],
            [beyond(density, rows) for density, rows in movies.items()],
        ),
        "## Spikes against true counts, simulated",
        "Mean over cells of the correlation of inferred spikes with true counts in bins of 30 Hz, at 30 Hz. SNR: what a cell "
        f"reaches in one frame of two hundred, over the noise. *{TEXTBOOK}*: the same model in its plainest form.",
        table(["activity", "SNR", *WAYS], [[name, f"{snr:g}", *means(row, WAYS)] for (name, snr), row in spikes.items()]),
        "## Spikes against recorded ones",
        f"Cells recorded electrically at the same time, at {REAL_RATE:g} Hz, by data set; each cell is read by itself. At this rate most "
        "of a transient's rise falls on the frame after the spike, which the last column takes into account.",
        table(
            ["data set", "recordings", *WAYS, "default, a frame later"],
            [[name, len(rows), *means(together(rows), (*WAYS, "a frame later"))] for name, rows in real.items()],
        )
        if real
        else "Not measured: DETECTNMF_DATA names no recordings.",
        "## Noise and decay",
        "Autoregressive traces of 10,000 frames, spikes in 1 % of the frames, SNR: a single spike over the noise. *Power alone*: the "
        "spectrum above a quarter of the frame rate as it is, transients included.",
        table(["g", "SNR", "noise, error", "power alone", "within 3 %", "g, median error", "within 0.02"], known),
        "## Exactness and speed",
        f"Largest difference from scipy's dense non-negative least squares, over decays and penalties, spikes of height 1: {worst:.1e} "
        f"(wanted {EXACT_WANTED:g}; traces are stored with seven digits).",
        "The noise-constrained problem, and all of reading with its search for the decay; in one thread, on a machine that did other "
        "work, too, so that the processor's seconds count:",
        table(["order", "traces", "frames", "seconds", "of the processor"], [*times, *reads]),
        "## Reading",
        "\n".join(f"- {line}" for line in lines(spikes, movies, known, worst, float(times[0][4]))),
        versions(),
    ]


def reading() -> tuple[float, float]:
    """Seconds of the clock and of the processor for a recording's traces, decay search and all."""
    y, taken = autoregressive(60, 2000, 0.95, 0.02, 3.0, 0).y, []
    for _ in range(3):
        clock, processor = perf_counter(), process_time()
        Oasis().read(y, 30.0)
        taken.append((perf_counter() - clock, process_time() - processor))
    return min(taken)


def beyond(density: float, rows: Sequence[Scores]) -> list[str]:
    leads = [row["denoised"] - row["oracle"] for row in rows]
    names = ("oracle", "recovery", "raw", "denoised")
    return [
        f"{density:g}",
        *(Mean.of(row[name] for row in rows).show(4) for name in names),
        Mean.of(leads).show(4, True),
        f"{min(leads):+.4f}",
    ]


def means(row: Row, names: Sequence[str]) -> list[str]:
    return [f"{np.mean(row[name]):.3f}" for name in names]


def together(rows: Sequence[Row]) -> Row:
    """All cells of several."""
    return {name: [value for row in rows for value in row[name]] for name in rows[0]}


def lines(
    spikes: dict[tuple[str, float], Row], movies: dict[float, list[Scores]], known: list[list[str]], worst: float, seconds: float
) -> list[str]:
    """What the numbers say, beside what was wanted."""
    behind = [f"{density:g}" for density, rows in movies.items() if Mean.of(row["denoised"] - row["oracle"] for row in rows).value < 0]
    less = [f"{name} at SNR {snr:g}" for (name, snr), row in spikes.items() if np.mean(row["default"]) < np.mean(row[TEXTBOOK]) - 5e-4]
    off = [
        f"g {row[0]}, SNR {row[1]}" for row in known if abs(float(row[2].split()[0])) > 100 * NOISE_WANTED or float(row[5]) > DECAY_WANTED
    ]
    return [
        "Denoised traces are "
        + ("ahead of the oracle at every density." if not behind else f"behind the oracle at R_c {', '.join(behind)}."),
        f"Spikes correlate with true counts {'no worse than' if not less else 'worse than'} those of the plain solution"
        + (" everywhere." if not less else f" with {', '.join(less)}; elsewhere no worse."),
        "Mean noise within 3 % and median g within 0.02 " + ("everywhere." if not off else f"but for {'; '.join(off)}."),
        f"Exact to {worst:.0e} (wanted {EXACT_WANTED:g}): {'reached' if worst <= EXACT_WANTED else 'missed'}.",
        f"1,000 traces of 10,000 frames: {seconds:.1f} s of one core (wanted {SPEED_WANTED:g}): "
        f"{'reached' if seconds <= SPEED_WANTED else 'missed'}.",
    ]


def draw(spikes: dict[tuple[str, float], Row], movies: dict[float, list[Scores]], chosen: argparse.Namespace) -> None:
    """One trace as it is read; spikes against true ones; denoised traces against the oracle."""
    drawn, (left, middle, right) = figure(3, 4.6, 3.6)
    example = simulated("gcamp6f", 6, 900, 6.0, FIRST + 1)
    cell = int(example.spikes.sum(axis=1).argmax())
    found, seconds = Oasis().read(example.y, example.rate), np.arange(900) / example.rate
    top = example.y[cell].max()
    left.plot(seconds, example.y[cell], color="#c3ccd5", linewidth=0.8, label="raw")
    left.plot(seconds, found.denoised[cell], color=COLOURS[0], linewidth=1.3, label="denoised")
    left.vlines(
        seconds,
        -0.3 * top,
        -0.3 * top + 0.2 * top * found.spikes[cell] / max(found.spikes[cell].max(), 1e-9),
        color="#1f2d33",
        linewidth=0.8,
    )
    left.plot(
        seconds[example.spikes[cell] > 0],
        np.full((example.spikes[cell] > 0).sum(), -0.38 * top),
        "|",
        color=COLOURS[1],
        label="true spikes",
    )
    left.set_xlabel("time (s)")
    left.set_ylabel("dF/F")
    left.legend(fontsize=7, frameon=False)
    names = [f"{name}, SNR {snr:g}" for name, snr in spikes]
    for at, way in enumerate(("default", TEXTBOOK)):
        values = [np.mean(row[way]) for row in spikes.values()]
        middle.barh(np.arange(len(names)) + 0.4 * at - 0.2, values, 0.36, color=COLOURS[at], label=way)
    middle.set_yticks(range(len(names)), names, fontsize=7)
    middle.invert_yaxis()
    middle.set_xlabel("correlation with true counts, 30 Hz")
    middle.legend(fontsize=7, frameon=False)
    for colour, (density, rows) in zip(COLOURS, movies.items(), strict=False):
        right.plot(
            [row["oracle"] for row in rows], [row["denoised"] for row in rows], "o", color=colour, label=f"denoised, R_c {density:g}"
        )
        right.plot([row["oracle"] for row in rows], [row["recovery"] for row in rows], "x", color=colour)
    ends = [min(row["oracle"] for rows in movies.values() for row in rows), 1.0]
    right.plot(ends, ends, color="#1f2d33", linewidth=0.8, linestyle="--", label="oracle")
    right.plot([], [], "x", color="#6b7785", label="demixed")
    right.set_xlabel("recovery accuracy of the oracle")
    right.set_ylabel("recovery accuracy")
    right.legend(fontsize=7, frameon=False)
    save(drawn, chosen.out / "traces.png")


if __name__ == "__main__":
    main()
