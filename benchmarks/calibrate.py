"""What is a cell: fit the judge's probability to simulated movies, and see how it does on others: python benchmarks/calibrate.py

Each movie has knobs of its own, drawn from a seed: twelve kinds of movies, half of them with seeding and demixing set so loose that much
comes in that is no cell. What the default pipeline makes of them is measured, and compared with the truth. A component is a cell if it is
no false positive of `detectnmf evaluate`: a true cell took it, as the temporally most similar of what overlaps it (footprint cosine 0.5),
and no other component did better; pieces and second copies of a cell are false.

Writes checkpoints/judge.json (fitted on the training seeds), docs/quality.md's table and docs/images/reliability.png (other seeds).
Finished movies are kept in a folder, so that fitting again takes seconds; --fresh starts over.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from labelled import HELD_OUT, KINDS, TRAINING, Measured, measure_all, measured
from pages import table

import detectnmf
from detectnmf.judge.cut import keep_by_fdr
from detectnmf.judge.fit import fit, reliability
from detectnmf.judge.probability import Probability, load
from detectnmf.judge.quality import Judge

ROOT = Path(__file__).resolve().parents[1]
BEFORE = 6.0  # SNR at which the judge cut before it knew probabilities
FEW = 6  # components in a bin, below which it is left out of the diagram
FDRS = (0.02, 0.03, 0.05, 0.1, 0.2)
BEGIN, END = "<!-- written by benchmarks/calibrate.py -->", "<!-- end -->"
Movies = dict[tuple[str, int], Measured]


def fitted(movies: Movies, others: Movies) -> Probability:
    """The probability from some movies, with a card that says how it does on others."""

    def about(part: Movies) -> dict[str, object]:
        true = np.concatenate([movie.true for movie in part.values()])
        seeds = sorted({seed for _, seed in part})
        return {"seeds": seeds, "movies": len(part), "components": len(true), "cells": int(true.sum())}

    made = fit(*joined(movies))
    seen = reliability(probabilities(made, others), joined(others)[1])
    card = {
        "version": detectnmf.__version__,
        "command": f"python benchmarks/calibrate.py --training {len({s for _, s in movies})} --held-out {len({s for _, s in others})}",
        "kinds": [kind.__name__ for kind in KINDS],
        "training": about(movies),
        "held_out": {**about(others), "calibration_error": round(seen.error, 4), "brier": round(seen.brier, 4), "auc": round(seen.auc, 4)},
    }
    return replace(made, card=card)


def joined(movies: Movies) -> tuple[np.ndarray, np.ndarray]:
    """Terms (8, n) and truth (n,) of all components of some movies."""
    return np.concatenate([m.terms for m in movies.values()], axis=1), np.concatenate([m.true for m in movies.values()]).astype(float)


def probabilities(made: Probability, movies: Movies) -> np.ndarray:
    return np.asarray(made.of_terms(joined(movies)[0]))


def choices(made: Probability, movie: Measured, least: float) -> dict[str, np.ndarray]:
    """What each rule keeps of a movie."""
    p = made.of_terms(movie.terms)
    kept = {"everything": np.ones(len(p), bool), f"SNR ≥ {BEFORE:g} (the rule before)": movie.snr >= BEFORE}
    for fdr in FDRS:
        keep = p >= least
        keep[keep] = keep_by_fdr(p[keep], fdr)
        kept[f"`fdr={fdr:g}`"] = keep
    return kept


def cut_table(made: Probability, movies: Movies, least: float) -> str:
    """Recovery accuracy and false positives of each rule, over all true cells of some movies."""
    total: dict[str, np.ndarray] = {}
    cells = sum(len(movie.order) for movie in movies.values())
    for movie in movies.values():
        for rule, keep in choices(made, movie, least).items():
            total[rule] = total.get(rule, np.zeros(3)) + movie.score(keep)
    rows = []
    for rule, (similarity, false, kept) in total.items():
        rows.append((rule, int(kept), f"{similarity / cells:.4f}", int(false), f"{100 * false / max(kept, 1):.1f} %"))
    return table(("rule", "kept", "recovery accuracy", "false positives", "of the kept"), rows)


def kind_table(made: Probability, movies: Movies) -> str:
    rows = []
    for kind in KINDS:
        part = {key: movie for key, movie in movies.items() if key[0] == kind.__name__}
        if part:
            true, p = joined(part)[1], probabilities(made, part)
            rows.append(
                (kind.__name__, len(part), len(true), int((1 - true).sum()), f"{(1 - p).sum():.1f}", f"{np.mean((p - true) ** 2):.3f}")
            )
    return table(("kind", "movies", "components", "false", "false, as expected from p", "Brier score"), rows)


def bin_table(made: Probability, movies: Movies) -> str:
    seen = reliability(probabilities(made, movies), joined(movies)[1])
    rows = []
    for k, count in enumerate(seen.count):
        if count:
            rows.append((f"{seen.edges[k]:.1f} to {seen.edges[k + 1]:.1f}", count, f"{seen.predicted[k]:.3f}", f"{seen.observed[k]:.3f}"))
    return table(("probability", "components", "mean probability", "share that are cells"), rows)


def weight_table(made: Probability) -> str:
    rows = [(f"`{name}`", f"{term.weight:.2f}", f"{term.mean:.3g}", f"{term.sd:.3g}") for name, term in made.terms.items()]
    return table(("term", "weight", "mean", "sd"), rows)


def diagram(made: Probability, parts: dict[str, Movies], path: Path) -> None:
    """Observed against predicted frequencies (binomial standard errors on the first part), over how many components there are."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(4.8, 5.4), dpi=130, layout="constrained")
    FigureCanvasAgg(drawn)
    curve, bars = drawn.subplots(2, 1, height_ratios=[3.2, 1])
    curve.plot([0, 1], [0, 1], color="#9aa5ad", linewidth=1, linestyle="--")
    for (name, movies), (tint, line) in zip(parts.items(), (("#12565f", "-"), ("#2f938d", ":"), ("#d97706", ":")), strict=True):
        p, true = probabilities(made, movies), joined(movies)[1]
        seen = reliability(p, true)
        some = seen.count >= FEW
        error = np.sqrt(np.maximum(seen.predicted * (1 - seen.predicted), 0) / np.maximum(seen.count, 1))[some]
        looks = {"color": tint, "linestyle": line, "marker": "o", "label": name}
        if line == "-":
            curve.errorbar(seen.predicted[some], seen.observed[some], error, markersize=5, linewidth=1.6, zorder=3, **looks)
        else:
            curve.plot(seen.predicted[some], seen.observed[some], markersize=3, linewidth=1.2, **looks)
        bars.hist(p, bins=seen.edges, histtype="step", color=tint, linestyle=line, linewidth=1.4)
    curve.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that are cells")
    curve.legend(frameon=False, loc="upper left")
    bars.set(xlim=(0, 1), yscale="log", xlabel="probability of a cell", ylabel="components")
    for axes in (curve, bars):
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path)


def write_page(text: str, path: Path) -> None:
    """Replace what stands between the marks of the page."""
    page = path.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure, fit, check, write."""
    parser = argparse.ArgumentParser("python benchmarks/calibrate.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--training", type=int, default=4, help="movies of each kind to fit on, every second one seeded loosely")
    parser.add_argument("--held-out", type=int, default=4, help="movies of each kind to check on")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "detectnmf-calibration", help="of finished movies")
    parser.add_argument("--fresh", action="store_true", help="measure all movies again: the code has changed")
    parser.add_argument("--out", type=Path, default=ROOT, help="repository whose checkpoints/ and docs/ are written")
    chosen = parser.parse_args()
    if min(chosen.training, chosen.held_out) < 2:
        parser.error("at least two movies of each kind: one seeded by default, one loosely")
    wrong = measure_all(chosen.folder, chosen.training, chosen.held_out, chosen.jobs, chosen.fresh)
    movies, others = measured(chosen.folder, TRAINING, chosen.training), measured(chosen.folder, HELD_OUT, chosen.held_out)
    made = fitted(movies, others)
    usual, loose = ({key: movie for key, movie in others.items() if key[1] % 2 == odd} for odd in (0, 1))
    card, least = made.card, Judge.min_probability
    held = card["held_out"]
    text = "\n\n".join(
        [
            f"Fitted on {card['training']['components']} components of {card['training']['movies']} movies, checked on "
            f"{held['components']} of {held['movies']} others: expected calibration error {held['calibration_error']:.3f}, Brier score "
            f"{held['brier']:.3f}, area under the ROC curve {held['auc']:.3f}.",
            "![reliability diagram](images/reliability.png)",
            bin_table(made, others),
            f"**The cut** (with `min_probability={least:g}`), movies seeded with default settings:",
            cut_table(made, usual, least),
            "movies seeded loosely, so that much comes in that is no cell:",
            cut_table(made, loose, least),
            "**By kind of movie:**",
            kind_table(made, others),
            "**The weights:**",
            weight_table(made),
        ]
    )
    print(text)
    before = reliability(probabilities(load(Judge.calibration), others), joined(others)[1])
    print(f"\nThe shipped one, on the same others: {before.error:.3f}, {before.brier:.3f}, {before.auc:.3f}.")
    made.save(chosen.out / "checkpoints" / "judge.json")
    diagram(made, {"all": others, "default settings": usual, "loose seeding": loose}, chosen.out / "docs" / "images" / "reliability.png")
    write_page(text, chosen.out / "docs" / "quality.md")
    if wrong:
        raise SystemExit("\n".join(wrong) + f"\n{len(wrong)} movies failed; all others went into the fit")


if __name__ == "__main__":
    main()
