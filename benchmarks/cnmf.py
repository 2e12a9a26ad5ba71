"""The preset cnmf beside masknmf and the oracle, where cells do not overlap much, and in neuropil.

    python benchmarks/cnmf.py [--quick] [--seeds 3] [--jobs 2] [--cache FILE]

Writes cnmf.md.
"""

from __future__ import annotations

import argparse
from functools import partial

from common import Case, oracle, score, versions
from pages import Mean, table, write
from runs import Row, Rows, options, run_all, understood

MOVIES = {
    "Bessel on black, R_c 0.3": ("experiment=bessel_density", "sim.density=0.3"),
    "Bessel on black, R_c 0.7": ("experiment=bessel_density", "sim.density=0.7"),
    "two-photon, somata": ("scene=default",),
    "two-photon, dendrites": ("experiment=two_photon", "scene=default"),
}
QUICK = ("sim.size=[64,64]", "sim.frames=400")
BELOW = 0.02  # at most, of recovery accuracy
SHOWN = {"true": 1, "found": 1, "false": 1, "f1": 3, "recovery": 3, "raw": 3, "recovery_bright": 3, "f1_bright": 3, "seconds": 1}


def preset_scores(case: Case, changes: tuple[str, ...]) -> Row:
    return score(case.run(*changes), case.truth)


METHODS = {
    "oracle": oracle,
    "masknmf": partial(preset_scores, changes=("preset=masknmf",)),
    "cnmf": partial(preset_scores, changes=("preset=cnmf",)),
    "fast": partial(preset_scores, changes=("preset=fast",)),
}


def main() -> None:
    """Run what is missing, then write the page."""
    chosen = understood(options("cnmf", __doc__, seeds=3))
    movies = {name: (*movie, *(QUICK if chosen.quick else ())) for name, movie in list(MOVIES.items())[: 2 if chosen.quick else None]}
    rows = run_all(movies, chosen, METHODS)
    write(chosen.out, "cnmf", page(rows, list(movies), chosen), chosen.quick)


def page(rows: Rows[str], movies: list[str], chosen: argparse.Namespace) -> list[str]:
    """The parts of the page."""
    lines = [
        [movie, method, *(Mean.of(row.get(key) for row in rows[movie, method]).show(digits) for key, digits in SHOWN.items())]
        for movie in movies
        for method in METHODS
    ]
    reading = []
    for movie in movies:
        pairs = list(zip(rows[movie, "masknmf"], rows[movie, "cnmf"], strict=True))
        gap = Mean.of(one["recovery"] - other["recovery"] for one, other in pairs)
        verdict = "reached" if gap.value <= BELOW else "missed"
        reading.append(f"{movie}: recovery accuracy of cnmf is {gap.show(3, sign=True)} below masknmf (wanted at most {BELOW}): {verdict}.")
    kinds = "\n".join(f"- **{name}**: `{' '.join(MOVIES[name])}`" for name in movies)
    return [
        "# CNMF beside masknmf and the oracle",
        f"Mean ± standard error over {chosen.seeds} movies of seeds that nothing was chosen on; default settings throughout. What the "
        "scores mean stands in `density.md`; seconds are of the wall, without compression.",
        kinds,
        f"`python benchmarks/cnmf.py --seeds {chosen.seeds}`",
        table(["movie", "method", *SHOWN], lines),
        "## Reading",
        "\n".join(f"- {line}" for line in reading),
        versions(),
    ]


if __name__ == "__main__":
    main()
