"""The page and the picture of `speed.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from common import versions
from floors import FORMULAS, Machine, exponent
from pages import COLOURS, figure, save, table
from runs import Cache, Row, name_of
from stages import ITERATIONS, STAGES

KIND = ("scene=default", "neuropil=none", "sim.snr=8", "sim.min_distance=0.5")  # somata on a steady background, peak 8 times the noise
WANTED = {"compress": 2.0, "demix": 1.0}  # s, on two cores
TIMES_FLOOR, TIMES_SUITE2P = 3.0, 3.0
STEEPEST = {"T": 1.05, "P": 1.1}  # exponents: linear, but for the error of measuring; K^1.1 at constant density
Point = tuple[int, int, int]  # px along an edge, frames, cells
Beside = dict[str, list[Row]]  # runs of each program


def overrides(point: Point) -> tuple[str, ...]:
    size, frames, cells = point
    return (*KIND, f"sim.size=[{size},{size}]", f"sim.frames={frames}", f"sim.cells={cells}")


@dataclass(frozen=True)
class Times:
    """What was measured.

    Args:
        cache: a row for each movie, repeat and stage. repeats: how many of them.
        fixed: the movie of the first table. sweeps: movies that differ in T, in P and K, in K.
        beside: runs of whole programs.
    """

    cache: Cache
    machine: Machine
    repeats: int
    fixed: Point
    sweeps: dict[str, tuple[Point, ...]]
    beside: Beside

    def row(self, point: Point, stage: str = "compress") -> Row:
        return self.cache.rows[name_of(overrides(point)), 0, stage]

    def seconds(self, point: Point, stage: str) -> float:
        """Median."""
        name = name_of(overrides(point))
        return median(self.cache.rows[name, repeat, stage]["seconds"] for repeat in range(self.repeats))

    def floor(self, stage: str) -> float:
        """s, of the fixed movie."""
        row, machine = self.row(self.fixed, stage), self.machine
        return row["bytes"] / machine.bandwidth + row["flop"] / machine.single + row["half"] / machine.half

    def times_floor(self, stage: str) -> float:
        return self.seconds(self.fixed, stage) / self.floor(stage)

    def swept(self, name: str) -> str:
        """What a sweep varies, and at what."""
        size, frames, cells = self.sweeps[name][0]
        varied = {
            "T": f"frames at {size}×{size} with {cells} cells",
            "P": f"pixels with cells in proportion, {frames} frames",
            "K": f"cells at {size}×{size}×{frames}",
        }
        return varied[name]

    def growth(self, name: str, stage: str) -> tuple[float, float]:
        """Exponent along a sweep, with its error."""
        points = self.sweeps[name]
        return exponent([self.row(point)[name] for point in points], [self.seconds(point, stage) for point in points])


def page(times: Times) -> list[str]:
    """The parts of the page."""
    size, frames, _ = times.fixed
    row = times.row(times.fixed)
    parts = [
        "# Speed",
        f"Each stage of a default run on its own: the median of {times.repeats} runs in turns, after one to warm up. Somata on a steady "
        f"background, peak 8 times the noise (`{' '.join(KIND)}`). *demix* starts from the true footprints and makes {ITERATIONS} "
        "iterations with revisions of supports, without background; *background* is one ring; *detect* is the network on the sparsened "
        "movie.",
        f"`python benchmarks/speed.py --repeats {times.repeats} --suite2p PYTHON`",
        f"Machine: {times.machine}.",
        f"## {size}×{size}×{frames}, {row['K']:.0f} cells, rank {row['R']:.0f}",
        table(["stage", "median (s)", "wanted (s)", "floor (s)", "median / floor"], at_a_glance(times)),
        f"The first compression of a process, which fills caches, took {row['cold']:.2f} s.",
    ]
    if times.sweeps:
        parts += [
            "## Growth",
            "Exponent e of seconds = const · x^e: least squares of the logarithms ± standard error. Below 1 a fixed cost weighs.",
            table(
                ["stage", *(f"against {name}: {times.swept(name)}" for name in times.sweeps)],
                [[stage, *(show(times.growth(name, stage)) for name in times.sweeps)] for stage in STAGES],
            ),
            "![seconds against T, P and K](speed.png)",
        ]
    for name, points in times.sweeps.items():
        lines = [
            [
                *(f"{times.row(point)[key]:.0f}" for key in "TPKR"),
                *(f"{times.seconds(point, stage):.3f}" for stage in STAGES),
            ]
            for point in points
        ]
        parts += [f"### Against {name} (s)", table(["T", "P", "K", "R", *STAGES], lines)]
    return [
        *parts,
        "## Floors",
        "floor = bytes / bandwidth + operations / rate of a matrix product, both measured just before. It counts what any implementation "
        "must do. nnz(X) is the number of entries of X that are not zero, s the sweeps of HALS within an iteration.",
        table(["stage", "bytes", "operations", "why"], [[stage, *FORMULAS[stage]] for stage in STAGES]),
        "## From file to cells, without detection",
        *against_suite2p(times.beside),
        "## Reading",
        "\n".join(f"- {line}" for line in reading(times)),
        versions(),
    ]


def at_a_glance(times: Times) -> list[list[str]]:
    """Each stage on the fixed movie."""
    rows = []
    for stage in STAGES:
        wanted = f"{WANTED[stage]:g}" if stage in WANTED else ""
        usual = f"{times.seconds(times.fixed, stage):.3f}"
        rows.append([stage, usual, wanted, f"{times.floor(stage):.4f}", f"{times.times_floor(stage):.1f}"])
    return rows


def against_suite2p(beside: Beside) -> list[str]:
    """A table of both programs, and the stages of ours."""
    rows = []
    for program, runs in beside.items():
        usual = [f"{median(run[key] for run in runs):.2f}" for key in ("seconds", "process")]
        memory = [run["memory"] for run in runs if run["memory"] is not None]
        rows.append([program, *usual, f"{median(memory):.2f}" if memory else "-", runs[0]["cells"]])
    ours = [run["stages"] for run in beside["detectnmf"]]
    return [
        "The same movie, with neuropil, as a TIFF; each run in a process of its own, the programs in turns, medians after one to warm up. "
        "*detectnmf*: reading, compression, superpixels, demixing with ring background, judging (`seeder=[superpixels]`). *suite2p* 1.1: "
        "conversion, detection, extraction with neuropil; without registration and deconvolution. It does not demix.",
        table(["program", "seconds", "with imports", "peak memory (GiB)", "cells"], rows),
        "Stages of detectnmf (s): " + ", ".join(f"{stage} {median(run[stage] for run in ours):.2f}" for stage in ours[0]) + ".",
    ]


def reading(times: Times) -> list[str]:
    """What the numbers say, beside what was wanted."""
    lines = []
    for stage, wanted in WANTED.items():
        found = times.seconds(times.fixed, stage)
        lines.append(f"{stage}: {found:.2f} s, wanted {wanted:g} s on two cores: {'reached' if found <= wanted else 'missed'}.")
    far = [f"{stage} ({times.times_floor(stage):.1f})" for stage in STAGES if times.times_floor(stage) > TIMES_FLOOR]
    lines.append(f"Within {TIMES_FLOOR:g} times the floor: {all_but(far)}.")
    for name, steepest in STEEPEST.items():
        if name not in times.sweeps:
            continue
        fits = {stage: times.growth(name, stage) for stage in STAGES}
        steep = [f"{stage} ({show(fit)})" for stage, fit in fits.items() if fit[0] > steepest]
        lines.append(f"Growth with {name} ({times.swept(name)}), at most an exponent of {steepest:g}: {all_but(steep)}.")
    if "suite2p" in times.beside:
        ours, theirs = (median(run["seconds"] for run in times.beside[program]) for program in ("detectnmf", "suite2p"))
        verdict = "reached" if ours <= TIMES_SUITE2P * theirs else "missed"
        lines.append(
            f"Beside suite2p: {ours:.2f} s and {theirs:.2f} s, {ours / theirs:.1f} times; wanted at most {TIMES_SUITE2P:g}: {verdict}."
        )
    return lines


def show(fit: tuple[float, float]) -> str:
    """An exponent with its error."""
    return f"{fit[0]:.2f}" if math.isnan(fit[1]) else f"{fit[0]:.2f} ± {fit[1]:.2f}"


def all_but(exceptions: list[str]) -> str:
    return f"all stages but {', '.join(exceptions)}" if exceptions else "all stages"


def draw(times: Times, path: Path) -> None:
    """Seconds against T, P and K on logarithmic axes, with a line of exponent 1."""
    drawn, axes = figure(len(times.sweeps), 4.2, 3.8)
    for ax, (name, points) in zip(axes, times.sweeps.items(), strict=True):
        x = [times.row(point)[name] for point in points]
        for stage, colour in zip(STAGES, COLOURS, strict=True):
            ax.loglog(x, [times.seconds(point, stage) for point in points], "o-", color=colour, markersize=4, label=stage)
        low = min(times.seconds(points[0], stage) for stage in STAGES) / 2
        ax.loglog(x, [low * value / x[0] for value in x], ":", color="black", linewidth=0.9, label="linear")
        ax.set_xticks(x, [f"{value:g}" for value in x], fontsize=8)
        ax.minorticks_off()
        ax.set_xlabel(f"{name}: {times.swept(name)}", fontsize=8)
    axes[0].set_ylabel("seconds")
    drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(STAGES) + 1, fontsize=8, frameon=False)
    save(drawn, path)
