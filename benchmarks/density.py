"""How many cells may overlap? Recovery accuracy and false positives against density (maskNMF, Fig. 8).

    python benchmarks/density.py [--quick] [--seeds 5] [--jobs 2] [--densities 0.3,1.2] [--cache FILE]

Writes density.md and density.png.
"""

from __future__ import annotations

import argparse

from baselines import nmf, pca_ica
from common import Case, from_truth, oracle, score, versions
from pages import Mean, curve, figure, save, table, write
from runs import Row, Rows, options, run_all, understood

DENSITIES = (0.3, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8, 3.2)
QUICK = ("sim.size=[64,64]", "sim.frames=400")
FROM_TRUTH, FALSE = 0.005, 0.03  # what is wanted: gap to the oracle; false positives as a share of the cells


def wanted_gap(density: float) -> float:
    """How far raw-projected traces of the full pipeline may be below the oracle."""
    return 0.02 if density <= 1.6 else 0.05


def pipeline_scores(case: Case) -> Row:
    return score(case.run(), case.truth)


def from_truth_scores(case: Case) -> Row:
    return score(from_truth(case), case.truth)


def nmf_scores(case: Case) -> Row:
    return score(nmf(case.movie, len(case.truth.cells)), case.truth)


def pca_ica_scores(case: Case) -> Row:
    return score(pca_ica(case.movie, len(case.truth.cells)), case.truth)


METHODS = {
    "oracle": oracle,
    "full pipeline": pipeline_scores,
    "from true footprints": from_truth_scores,
    "NMF": nmf_scores,
    "PCA/ICA": pca_ica_scores,
}
RAW, DENOISED = ", raw-projected", ", denoised"
TRACES = {RAW: "raw", DENOISED: "denoised"}
LINES = (
    "oracle",
    *("full pipeline" + traces for traces in ("", *TRACES)),
    *("from true footprints" + traces for traces in ("", RAW)),
    "NMF",
    "PCA/ICA",
)
FINDERS = ("full pipeline", "NMF", "PCA/ICA")


def main() -> None:
    """Run what is missing, then write the page."""
    parser = options("density", __doc__, seeds=5, quick_seeds=2)
    parser.add_argument("--densities", help=f"R_c, with commas ({','.join(map(str, DENSITIES))})")
    chosen = understood(parser)
    densities = (0.8, 1.6) if chosen.quick else DENSITIES
    if chosen.densities:
        densities = tuple(float(one) for one in chosen.densities.split(","))
    movies = {density: ("experiment=bessel_density", f"sim.density={density:g}", *(QUICK if chosen.quick else ())) for density in densities}
    rows = run_all(movies, chosen, METHODS)
    draw(rows, densities, chosen)
    write(chosen.out, "density", page(rows, densities, chosen), chosen.quick)


def recovery(rows: Rows[float], density: float, line: str) -> list[float | None]:
    """Recovery accuracy of a line of the plot, by seed."""
    key = next((key for words, key in TRACES.items() if line.endswith(words)), "recovery")
    return [row[key] for row in rows[density, line.removesuffix(RAW).removesuffix(DENOISED)]]


def gap(rows: Rows[float], density: float, line: str) -> Mean:
    """How far a line is below the oracle, seed by seed."""
    pairs = zip(recovery(rows, density, "oracle"), recovery(rows, density, line), strict=True)
    return Mean.of(best - own for best, own in pairs if best is not None and own is not None)


def page(rows: Rows[float], densities: tuple[float, ...], chosen: argparse.Namespace) -> list[str]:
    """The parts of the page."""
    recovered = [
        [f"{density:g}", Mean.of(row["true"] for row in rows[density, "oracle"]).show(1)]
        + [Mean.of(recovery(rows, density, line)).show() for line in LINES]
        for density in densities
    ]
    false = [
        [f"{density:g}"]
        + [Mean.of(row["false"] for row in rows[density, method]).show(1) for method in FINDERS]
        + [Mean.of(row["f1"] for row in rows[density, method]).show() for method in FINDERS]
        for density in densities
    ]
    return [
        "# Density: recovery accuracy and false positives",
        "Cells with dendrites seen by a Bessel beam on black, placed at random, with noise whose variance grows with the signal "
        "(`experiment=bessel_density`): the simulation by which the paper of maskNMF measures (Fig. 8). R_c is the mean number of "
        f"footprints that cover a pixel. Mean ± standard error over {chosen.seeds} movies of seeds that no training saw; default settings "
        "throughout.",
        "- **Recovery accuracy**: true cells, brightest first, each take the most similar trace among those components whose footprint has "
        "a cosine of at least 0.5 with theirs; the mean correlation of traces, 0 for a cell that took none.\n"
        "- **Oracle**: the true footprints, baseline and background, and non-negative regression: the most that can be had of the "
        "compressed movie.\n"
        "- **Full pipeline**: compression, detection, superpixels, demixing, ring background, judging. It is not told anything.\n"
        "- **From true footprints**: demixing and ring background alone, seeded with the true footprints.\n"
        "- **Raw-projected**: each trace plus what the residual says at its footprint, instead of the non-negative one. **Denoised**: "
        "deconvolved and convolved again (`docs/traces.md`): a model in time knows what the oracle does not.\n"
        "- **NMF, PCA/ICA**: scikit-learn's NMF, and principal components followed by spatio-temporal independent ones (Mukamel 2009), on "
        "the same compressed movie, both **told the true number of cells** (`benchmarks/baselines.py`).",
        f"`python benchmarks/density.py --seeds {chosen.seeds}`",
        "![recovery accuracy and false positives against density](density.png)",
        "## Recovery accuracy",
        table(["R_c", "cells", *LINES], recovered),
        "## False positives, and F1 at IoU 0.5",
        table(["R_c", *(f"false: {name}" for name in FINDERS), *(f"F1: {name}" for name in FINDERS)], false),
        "## Reading",
        "\n".join(f"- {line}" for line in reading(rows, densities)),
        versions(),
    ]


def reading(rows: Rows[float], densities: tuple[float, ...]) -> list[str]:
    """What the numbers say, beside what was wanted."""
    lines = []
    for name, wanted in (("from true footprints", lambda d: FROM_TRUTH), ("full pipeline" + RAW, wanted_gap)):
        gaps = {density: gap(rows, density, name) for density in densities}
        missed = [density for density in densities if not gaps[density].value <= wanted(density)]
        told = ", ".join(f"{gaps[density].show()} at {density:g} (wanted {wanted(density):g})" for density in densities)
        verdict = "reached everywhere" if not missed else f"missed at R_c {', '.join(f'{density:g}' for density in missed)}"
        lines.append(f"Gap to the oracle, {name}: {told}: {verdict}.")
    spare = {density: sum(row["false"] for row in rows[density, "full pipeline"]) for density in densities}
    cells = {density: sum(row["true"] for row in rows[density, "full pipeline"]) for density in densities}
    shares = ", ".join(f"{100 * spare[density] / max(cells[density], 1):.1f} % at {density:g}" for density in densities)
    over = [density for density in densities if spare[density] > FALSE * cells[density]]
    verdict = "reached everywhere" if not over else f"missed at R_c {', '.join(f'{density:g}' for density in over)}"
    lines.append(f"False positives of the full pipeline, of the true cells: {shares} (wanted at most {100 * FALSE:g} %): {verdict}.")
    for name in ("NMF", "PCA/ICA"):
        ahead = {d: Mean.of(recovery(rows, d, "full pipeline")).value - Mean.of(recovery(rows, d, name)).value for d in densities}
        behind = [f"{density:g} (by {-lead:.3f})" for density, lead in ahead.items() if not lead > 0]
        verdict = "ahead of it at every density" if not behind else f"behind it at R_c {', '.join(behind)}"
        lines.append(f"The full pipeline, which is not told the number of cells, beside {name}, which is: {verdict}.")
    return lines


def draw(rows: Rows[float], densities: tuple[float, ...], chosen: argparse.Namespace) -> None:
    """Both quantities against R_c."""
    drawn, (left, right) = figure(2, 5.2, 4.0)
    for line in LINES:
        curve(left, line, densities, [Mean.of(recovery(rows, density, line)) for density in densities])
    for method in FINDERS:
        curve(right, method, densities, [Mean.of(row["false"] for row in rows[density, method]) for density in densities])
    left.set_ylabel("recovery accuracy")
    right.set_ylabel("false positives")
    left.set_ylim(top=1.0)
    right.set_ylim(bottom=0)
    for ax in (left, right):
        ax.set_xlabel("R_c (footprints over a pixel)")
        ax.legend(fontsize=7, frameon=False)
    save(drawn, chosen.out / "density.png")


if __name__ == "__main__":
    main()
