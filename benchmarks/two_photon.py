"""Two-photon movies with neuropil: what is found, what is false, and how good the traces are.

    python benchmarks/two_photon.py [--quick] [--seeds 5] [--jobs 2] [--cache FILE]

Writes two_photon.md and two_photon.png.
"""

from __future__ import annotations

import argparse

from common import LEAST_SNR, oracle, versions
from density import from_truth_scores, nmf_scores, pca_ica_scores, pipeline_scores
from pages import Mean, below, dots, figure, save, table, write
from runs import Rows, options, run_all, understood

MOVIES = {
    "dendrites": ("experiment=two_photon", "scene=default"),
    "somata": ("scene=default",),
    "demo": (),
    "dendrites, strong neuropil": ("experiment=two_photon", "scene=default", "neuropil.amplitude=0.08"),
    "dendrites, dense": ("experiment=two_photon", "scene=default", "sim.cells=100", "sim.min_distance=0"),
}
QUICK = ("sim.size=[64,64]", "sim.frames=400", "sim.cells=12")
METHODS = {
    "oracle": oracle,
    "full pipeline": pipeline_scores,
    "from true footprints": from_truth_scores,
    "NMF": nmf_scores,
    "PCA/ICA": pca_ica_scores,
}
FINDERS = ("full pipeline", "NMF", "PCA/ICA")
WANTED = {"f1_bright": 0.92, "recovery_bright": 0.92, "correlation_bright": 0.95}
CALLED = {"f1_bright": "F1 at IoU 0.5", "recovery_bright": "recovery accuracy", "correlation_bright": "median trace correlation"}
ASKED = ("dendrites", "somata", "demo")  # movies of which that much is wanted


def main() -> None:
    """Run what is missing, then write the page."""
    chosen = understood(options("two_photon", __doc__, seeds=5))
    names = list(MOVIES)[:2] if chosen.quick else list(MOVIES)
    movies = {name: (*MOVIES[name], *(QUICK if chosen.quick else ())) for name in names}
    rows = run_all(movies, chosen, METHODS)
    draw(rows, names, chosen)
    write(chosen.out, "two_photon", page(rows, names, chosen), chosen.quick)


def page(rows: Rows[str], names: list[str], chosen: argparse.Namespace) -> list[str]:
    """The parts of the page."""

    def of(name: str, method: str, key: str, digits: int = 3) -> str:
        return Mean.of(row.get(key) for row in rows[name, method]).show(digits)

    bright = [
        [name, method, of(name, method, "bright", 1), *(of(name, method, key) for key in CALLED)] for name in names for method in METHODS
    ]
    everything = [
        [name, method, of(name, method, "true", 1), of(name, method, "found", 1), of(name, method, "false", 1)]
        + [of(name, method, key) for key in ("f1", "recovery", "raw", "correlation")]
        for name in names
        for method in METHODS
    ]
    kinds = "\n".join(f"- **{name}**: `{' '.join(MOVIES[name]) or 'configs/demo.yaml'}`" for name in names)
    return [
        "# Two-photon movies with neuropil",
        "Cells seen by a two-photon microscope in fluctuating, textured neuropil. Mean ± standard error over "
        f"{chosen.seeds} movies of seeds that no training saw; default settings throughout. NMF and PCA/ICA work on the same compressed "
        "movie and are told the true number of cells. What the scores mean stands in `density.md`.",
        kinds,
        f"`python benchmarks/two_photon.py --seeds {chosen.seeds}`",
        "![scores among bright cells, and false positives](two_photon.png)",
        f"## Cells whose highest peak is at least {LEAST_SNR:g} times the noise",
        "The peak is the trace's, the noise that of the recording, both at the cell's brightest pixel. The detection of a dimmer true cell "
        "is neither a hit nor a mistake here.",
        table(["movie", "method", "cells", *CALLED.values()], bright),
        "## All cells",
        table(["movie", "method", "cells", "found", "false", "F1", "recovery", "recovery, raw-projected", "trace correlation"], everything),
        "## Reading",
        "\n".join(f"- {line}" for line in reading(rows, names)),
        versions(),
    ]


def reading(rows: Rows[str], names: list[str]) -> list[str]:
    """What the numbers say, beside what was wanted."""
    lines = []
    asked = [name for name in names if name in ASKED]
    for key, wanted in WANTED.items():
        found = {name: Mean.of(row[key] for row in rows[name, "full pipeline"]) for name in asked}
        missed = [name for name in asked if not found[name].value >= wanted]
        told = ", ".join(f"{found[name].show()} ({name})" for name in asked)
        verdict = "reached" if not missed else f"missed on {', '.join(missed)}"
        lines.append(f"{CALLED[key]} among bright cells: {told}; wanted at least {wanted:g}: {verdict}.")
    false = {name: sum(row["false"] for row in rows[name, "full pipeline"]) for name in names}
    cells = {name: sum(row["true"] for row in rows[name, "full pipeline"]) for name in names}
    lines.append(
        "False positives of the full pipeline: "
        + ", ".join(f"{false[name]:g} of {cells[name]:g} true cells ({name})" for name in names)
        + "."
    )
    for method in ("NMF", "PCA/ICA"):
        behind = [
            name
            for name in names
            if Mean.of(r["recovery"] for r in rows[name, "full pipeline"]).value <= Mean.of(r["recovery"] for r in rows[name, method]).value
        ]
        verdict = "ahead of it on every kind of movie" if not behind else f"behind it on {', '.join(behind)}"
        lines.append(f"Recovery accuracy of the full pipeline beside {method}: {verdict}.")
    return lines


def draw(rows: Rows[str], names: list[str], chosen: argparse.Namespace) -> None:
    """Bars for each kind of movie."""
    panels = {"f1_bright": FINDERS, "recovery_bright": tuple(METHODS), "correlation_bright": tuple(METHODS), "false": FINDERS}
    drawn, axes = figure(len(panels), 2.9, 1.2 + 0.6 * len(names))
    for ax, (key, methods) in zip(axes, panels.items(), strict=True):
        dots(ax, names, {method: [Mean.of(row.get(key) for row in rows[name, method]) for name in names] for method in methods})
        if key in WANTED:
            ax.axvline(WANTED[key], color="black", linewidth=0.8, linestyle=":")
        ax.set_xlabel(f"{CALLED[key]} (bright cells)" if key in CALLED else "false positives (all cells)", fontsize=8)
        if ax is not axes[0]:
            ax.set_yticklabels([])
    below(drawn, axes[1])
    save(drawn, chosen.out / "two_photon.png")


if __name__ == "__main__":
    main()
