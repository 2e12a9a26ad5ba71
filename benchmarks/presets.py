"""All five presets on the same movies: what each finds there, how good its traces are, and what it costs.

    python benchmarks/presets.py [--quick] [--seeds 2] [--jobs 2] [--cache FILE]

Writes presets.md. Each preset is one word, told nothing else.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from common import Case, build_pipeline, compose, oracle, score, versions
from pages import Mean, table, write
from runs import Row, Rows, options, run_all, understood

from detectnmf.command.settings import diameter_in_pixels
from detectnmf.events.match import match_events

MOVIES = {
    "two-photon, dendrites in neuropil": ("experiment=two_photon", "scene=default"),
    "Bessel beam, R_c 0.7": ("experiment=bessel_density", "sim.density=0.7"),
    "one-photon, signal level 0.2": ("experiment=miniscope", "sim.level=0.2"),
    "oxygen dips, awake": ("experiment=dips", "sim.frames=300"),
}
QUICK = ("sim.size=[64,64]", "sim.frames=300", "sim.cells=10")
PRESETS = {
    "masknmf": "cells of any kind, from sparse to dense, with or without dendrites: the default",
    "scnmf": "one-photon movies: bright, flickering background, blurred cells",
    "fast": "a quick look, given centres, patches without background trouble",
    "cnmf": "sparse two-photon cells; footprints as sparse as the noise allows; dendrites (`seeder=dendrites`)",
    "dips": "signed, spreading events that happen once: dips and surges of oxygen, with a table of events",
}
DIPS = "oxygen dips, awake"


@dataclass(frozen=True)
class Preset:
    """A run that is told one word."""

    name: str

    def __call__(self, case: Case) -> Row:
        config = compose((*case.overrides, f"preset={self.name}"))
        recording = case.made.recording
        diameter = diameter_in_pixels(config.diameter, recording.pixel_size)
        start = time.process_time()
        result = build_pipeline(config)(recording, case.runtime, diameter)
        row: Row = {"processor": time.process_time() - start, **score(result, case.truth)}
        if result.events is not None and case.truth.events is not None:
            row["events"] = match_events(result.events, case.truth.events).f1
        return row


METHODS = {"oracle": oracle, **{name: Preset(name) for name in PRESETS}}


def main() -> None:
    """Run what is missing, then write the page."""
    chosen = understood(options("presets", __doc__, seeds=2))
    names = list(MOVIES)[:1] if chosen.quick else list(MOVIES)
    movies = {name: (*MOVIES[name], *(QUICK if chosen.quick else ())) for name in names}
    rows = run_all({name: movies[name] for name in names if name != DIPS}, chosen, METHODS)
    if DIPS in movies:
        rows |= run_all({DIPS: movies[DIPS]}, chosen, {name: way for name, way in METHODS.items() if name != "oracle"})
    write(chosen.out, "presets", page(rows, movies, chosen), chosen.quick)


def page(rows: Rows[str], movies: dict[str, tuple[str, ...]], chosen: argparse.Namespace) -> list[str]:
    """The parts of the page."""

    def of(movie: str, preset: str, key: str, digits: int = 3) -> str:
        return Mean.of(row.get(key) for row in rows[movie, preset]).show(digits)

    parts = [
        "# The five presets",
        "Each run is told one word, `preset=NAME`, and nothing else: not the cells' size, not their number. Mean ± standard error over "
        f"{chosen.seeds} movies of each kind, of seeds that no training saw. The scores are those of `density.md`; *denoised* is the "
        "recovery accuracy of the denoised traces. *Seconds* are the processor's, on one thread, of a whole run.",
        f"`python benchmarks/presets.py --seeds {chosen.seeds}`",
        table(["preset", "what it is for"], [[f"`{name}`", purpose] for name, purpose in PRESETS.items()]),
    ]
    for movie, overrides in movies.items():
        events = movie == DIPS
        lines = [
            [name, of(movie, name, "true", 1), of(movie, name, "found", 1), of(movie, name, "false", 1)]
            + [of(movie, name, key) for key in ("f1", "recovery", "denoised", *(("events",) if events else ()))]
            + [of(movie, name, "processor", 1)]
            for name in METHODS
            if (movie, name) in rows
        ]
        head = [
            "preset",
            "cells",
            "found",
            "false",
            "F1 at IoU 0.5",
            "recovery",
            "denoised",
            *(("F1 of events",) if events else ()),
            "seconds",
        ]
        parts += [f"## {movie[0].upper()}{movie[1:]}", f"`{' '.join(overrides)}`", table(head, lines)]
    return [*parts, versions()]


if __name__ == "__main__":
    main()
