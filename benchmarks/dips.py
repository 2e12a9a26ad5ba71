"""Oxygen dips: which events are found, how well their onset and area are known, beside a threshold on the same movie, at every alpha.

    python benchmarks/dips.py [--quick] [--seeds 3] [--first 1000] [--cases awake,anaesthetised] [--out docs/benchmarks]

Writes dips.md, dips.png and dips_events.png.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import build_pipeline, simulate, versions
from hydra import compose as compose_config
from hydra import initialize_config_module
from omegaconf import DictConfig
from pages import Mean, below, curve, figure, save, table, write
from scipy import ndimage

from detectnmf.compressed import Compressed
from detectnmf.enhance.none import NoEnhancing
from detectnmf.event_table import EventTable, describe, tabulate
from detectnmf.events.grid import Grid
from detectnmf.events.match import EventScores, match_events
from detectnmf.events.signed import enlarged
from detectnmf.judge.events import OVERLAP
from detectnmf.recording import Recording
from detectnmf.register.none import NoRegistration
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.sweep.null import null_movie
from detectnmf.sweep.run import Ready, certain, descending

ALPHAS = (2.5, 3.0, 4.0, 6.0)
CHOSEN = 3.0  # of the preset
LEVELS = (2.5, 3.0, 3.5, 4.0, 5.0, 6.0)  # of the threshold, units of noise
DIAMETER = 48 / 2.35  # px
CASES = {
    "awake": (),
    "anaesthetised": (
        "activity.models.dip.amplitude=-0.033",
        "activity.models.dip.duration=6",
        "activity.models.dip.events=0.0041",
        "shapes.libraries.dip.area=1449",
    ),
}
SMALL = ("sim.size=[160,160]", "sim.cells=10")
SMOOTH = {"threshold": None, "threshold, smoothed": (1.0, 1.0, 1.5)}  # squares, squares, frames
SEMINMF, EXPECTED = "semi-NMF (alpha)", "expected by the sweep"
FEWEST = 8  # squares x frames of a thresholded event
Row = dict[str, Any]


def settings(verb: str, *overrides: str) -> DictConfig:
    """The configuration of a run or of a simulation."""
    fixed = {"run": ["preset=dips", "input=x", "enhance.offset=100", "traces=none"], "simulate": ["experiment=dips", "out=x"]}
    with initialize_config_module("detectnmf.configs", version_base=None):
        return compose_config(verb, [*fixed[verb], *overrides])


@dataclass(frozen=True)
class Movie:
    """A simulated movie, detrended and compressed once."""

    recording: Recording
    truth: DemixResult
    compressed: Compressed
    runtime: Runtime

    @classmethod
    def draw(cls, case: str, seed: int, changes: tuple[str, ...]) -> Movie:
        made = simulate(settings("simulate", *CASES[case], *changes), seed)
        runtime = Runtime(device="cpu", quiet=True)
        pipeline = build_pipeline(settings("run"))
        movie = pipeline.compress(pipeline.enhance(made.recording, DIAMETER, runtime), runtime)
        return cls(made.recording, made.truth, movie, runtime)

    def run(self, alpha: float, movie: Compressed | None = None) -> DemixResult:
        pipeline = build_pipeline(settings("run", f"demix.alpha={alpha:g}"))
        pipeline = replace(pipeline, register=NoRegistration(), enhance=NoEnhancing(), compress=Ready(movie or self.compressed))
        return pipeline(self.recording, self.runtime, DIAMETER)

    @property
    def true(self) -> EventTable:
        assert self.truth.events is not None
        return self.truth.events


def threshold(movie: Compressed, level: float, width: tuple[float, float, float] | None) -> EventTable:
    """The baseline: connected squares and frames beyond a level (units of noise), measured by the same rules."""
    grid = Grid.of(movie, DIAMETER)
    film = grid.images(grid.courses(movie).cpu().numpy())
    film -= np.median(film, axis=2, keepdims=True)
    seen = film if width is None else ndimage.gaussian_filter(film, width)
    seen = seen / np.median(np.abs(seen)[film != 0]) * 0.6745
    light = grid.images(((movie.std / movie.mean).ravel() @ grid.basis) / np.diff(grid.basis.tocsc().indptr))
    found = []
    for sign in (-1, 1):
        labels, _ = ndimage.label(sign * seen > level, np.ones((3, 3, 3)))
        sizes = np.bincount(labels.ravel())
        for number, where in enumerate(ndimage.find_objects(labels), 1):
            if sizes[number] < FEWEST:
                continue
            window = tuple(slice(max(0, w.start - 2), w.stop + 2) for w in where[:2])
            first, last = max(0, where[2].start - 8), min(film.shape[2], where[2].stop + 8)
            mine = labels[(*window, slice(first, last))] == number
            values = (film[(*window, slice(first, last))] * light[window][:, :, None]).transpose(2, 0, 1)
            hint = np.abs(values * mine.transpose(2, 0, 1)).max(axis=0)
            fine, sharp = (enlarged(x, grid.edge) for x in (values.astype(np.float32), hint[None].astype(np.float32)))
            one = describe(fine, sharp[0], movie.rate, movie.pixel_size, (first == 0, last == film.shape[2]))
            if one is None:
                continue
            for name in ("onset", "peak"):
                one.values[name] += first / movie.rate
            found.append((one, (window[0].start * grid.edge, window[1].start * grid.edge), first, 0.0))
    return tabulate(found, movie.size)


def oracle(movie: Compressed, true: EventTable) -> EventTable:
    """Each event measured in the movie where and when it truly was: what noise and squares alone cost."""
    grid = Grid.of(movie, DIAMETER)
    film = grid.images(grid.courses(movie).cpu().numpy())
    film -= np.median(film, axis=2, keepdims=True)
    light = grid.images(((movie.std / movie.mean).ravel() @ grid.basis) / np.diff(grid.basis.tocsc().indptr))
    found = []
    for k in range(len(true)):
        hint = grid.images(np.asarray(grid.basis.T @ true.footprints[:, [k]].toarray()[:, 0]))
        rows, columns = np.nonzero(hint)
        if not len(rows):
            continue
        window = slice(max(0, rows.min() - 2), rows.max() + 3), slice(max(0, columns.min() - 2), columns.max() + 3)
        first, last = max(0, true.first[k] - 3), min(film.shape[2], true.first[k] + len(true.courses[k]) + 3)
        values = (film[(*window, slice(first, last))] * light[window][:, :, None]).transpose(2, 0, 1)
        fine, sharp = (enlarged(x, grid.edge) for x in (values.astype(np.float32), hint[window][None].astype(np.float32)))
        one = describe(fine, sharp[0], movie.rate, movie.pixel_size, (first == 0, last == film.shape[2]))
        if one is not None:
            for name in ("onset", "peak"):
                one.values[name] += first / movie.rate
            found.append((one, (window[0].start * grid.edge, window[1].start * grid.edge), int(first), 0.0))
    return tabulate(found, movie.size)


def scored(found: EventTable, true: EventTable) -> Row:
    """One line of figures: of dips, of surges, of both."""
    row: Row = {}
    for kind, which in (("dips", True), ("surges", False)):
        s = match_events(found[found.dips == which], true[true.dips == which], OVERLAP)
        row[kind] = [len(s.pairs), s.found, s.true]
        row[f"{kind} onset"] = np.abs(s.onset).tolist()
        row[f"{kind} area"] = (s.area - 1).tolist()
        row[f"{kind} depth"] = (s.depth - 1).tolist()
        row[f"{kind} duration"] = (s.duration - 1).tolist()
    return row


def measure(case: str, seed: int, changes: tuple[str, ...], alphas: tuple[float, ...], keep: Callable[[Movie, DemixResult], None]) -> Row:
    """All methods on one movie."""
    movie = Movie.draw(case, seed, changes)
    true = movie.true
    row: Row = {"case": case, "seed": seed, "oracle": scored(oracle(movie.compressed, true), true)}
    row["evidence"] = [true.evidence[true.dips].tolist(), true.depth[true.dips].tolist(), true.area[true.dips].tolist()]
    results = {}
    for alpha in alphas:
        start = time.process_time()
        results[alpha] = movie.run(alpha)
        events = results[alpha].events
        assert events is not None
        row[f"alpha {alpha:g}"] = {**scored(events, true), "seconds": time.process_time() - start, "events": len(events)}
    counts = [row[f"alpha {alpha:g}"]["events"] for alpha in alphas]
    empty = null_movie(results[alphas[certain(counts, alphas, CHOSEN)]], movie.runtime.rng(0))
    for alpha, count in zip(alphas, descending(lambda place: len(movie.run(alphas[place], empty).events or ()), counts), strict=True):
        row[f"alpha {alpha:g}"]["null"] = count
    for name, width in SMOOTH.items():
        for level in LEVELS:
            row[f"{name} {level:g}"] = scored(threshold(movie.compressed, level, width), true)
    keep(movie, results.get(CHOSEN, results[alphas[0]]))
    return row


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


def picture(movie: Movie, result: DemixResult, path: Path) -> None:
    """Where and when: true events (outlines) and found ones (filled)."""
    found, true = result.events, movie.true
    assert found is not None
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


def main() -> None:
    """Run all movies, then write the page."""
    parser = argparse.ArgumentParser("python benchmarks/dips.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small movie, to see that it works")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1000, help="the first seed")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--frames", type=int, default=300, help="of each movie, at 1 Hz")
    parser.add_argument("--alphas", default=",".join(f"{alpha:g}" for alpha in ALPHAS))
    parser.add_argument("--cache", type=Path, help="file of finished movies (JSON lines); a run that was cut off goes on from there")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "benchmarks")
    chosen = parser.parse_args()
    alphas = tuple(float(alpha) for alpha in chosen.alphas.split(","))
    if chosen.quick:
        chosen.seeds = 1
    chosen.out.mkdir(parents=True, exist_ok=True)
    done = [json.loads(one) for one in chosen.cache.read_text().splitlines()] if chosen.cache and chosen.cache.exists() else []
    known = {(row["case"], row["seed"]): row for row in done}

    drawn: list[bool] = []

    def keep(movie: Movie, result: DemixResult) -> None:
        if not drawn:
            picture(movie, result, chosen.out / "dips_events.png")
            drawn.append(True)

    rows: dict[str, list[Row]] = {case: [] for case in chosen.cases.split(",")}
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        for case in rows:
            changes = (*(SMALL if chosen.quick else ()), f"sim.frames={chosen.frames}")
            row = known.get((case, seed)) or measure(case, seed, changes, alphas, keep)
            rows[case].append(row)
            if chosen.cache and (case, seed) not in known:
                with chosen.cache.open("a") as file:
                    file.write(json.dumps(row) + "\n")
            print(case, seed, *(f"{alpha:g}: {f1([row], f'alpha {alpha:g}').value:.3f}" for alpha in alphas), flush=True)
    draw(rows, chosen.out / "dips.png")
    write(chosen.out, "dips", page(rows, chosen), chosen.quick)


if __name__ == "__main__":
    main()
