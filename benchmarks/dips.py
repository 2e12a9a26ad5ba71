"""Oxygen dips: which events are found, how well their onset and area are known, beside a threshold on the same movie, at every alpha.

    python benchmarks/dips.py [--quick] [--seeds 3] [--first 1000] [--cases awake,anaesthetised] [--out docs/benchmarks]

Writes dips.md, dips.png and dips_events.png.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import build_pipeline, simulate
from dips_page import CHOSEN, FEWEST, LEVELS, SMOOTH, Row, draw, f1, page, picture
from hydra import compose as compose_config
from hydra import initialize_config_module
from omegaconf import DictConfig
from pages import write
from scipy import ndimage

from detectnmf.compressed import Compressed
from detectnmf.enhance.none import NoEnhancing
from detectnmf.event_table import EventTable, describe, tabulate
from detectnmf.events.grid import Grid
from detectnmf.events.match import match_events
from detectnmf.events.signed import enlarged
from detectnmf.judge.events import OVERLAP
from detectnmf.recording import Recording
from detectnmf.register.none import NoRegistration
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.sweep.null import null_movie
from detectnmf.sweep.run import Ready, certain, descending

ALPHAS = (2.5, 3.0, 4.0, 6.0)
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
            picture(result.events, movie.true, chosen.out / "dips_events.png")
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
