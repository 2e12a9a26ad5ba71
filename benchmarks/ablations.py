"""What each part brings: the default pipeline with one thing off at a time.

    python benchmarks/ablations.py [--quick] [--seeds 4] [--jobs 2] [--cache FILE]

Writes ablations.md and ablations.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from common import Case, score, versions
from pages import Mean, bars, below, figure, save, table, write
from runs import Row, Rows, options, run_all, understood
from torch import Tensor

from detectnmf.background.base import Background
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.pipeline import Pipeline
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

MOVIES = {
    "two-photon": ("experiment=two_photon",),
    "Bessel": ("experiment=bessel",),
    "Bessel on black, R_c 2.4": ("experiment=bessel_density", "sim.density=2.4"),
}
QUICK = ("sim.size=[64,64]", "sim.frames=400", "sim.cells=12")
DEFAULT = "default"
# Overrides of the default pipeline. A variant whose knob this version does not have is left out of the table by name.
VARIANTS: dict[str, tuple[str, ...]] = {
    DEFAULT: (),
    "no sparsening": ("sparsen.decay=1e-6", "sparsen.percentile=0"),  # rectified frames of the compressed movie
    "no soft threshold in sparsening": ("sparsen.percentile=0",),
    "no detector": ("seeder=[superpixels]",),
    "no superpixels": ("seeder=[maskrcnn]",),
    "no superpixels, no sparsening": ("seeder=[maskrcnn]", "sparsen.decay=1e-6", "sparsen.percentile=0"),  # what superpixels make up for
    "no background": ("background=none",),
    "ring without masking": (),
    "supports wide from the start": ("demix.support_factors=[0.6]",),
    "supports may shrink": ("demix.structure.support_keep=1.0",),
    "supports stay tight": ("demix.support_factors=[0.95]",),
    "no merging": ("demix.structure.merge_price=0", "demix.structure.absorb_price=0"),
    "leaks are left": ("demix.structure.leak=2",),
    "no splitting": ("demix.structure.split_price=0",),
}
SHOWN = {"f1": "F1 at IoU 0.5", "recovery": "recovery accuracy", "raw": "recovery, raw-projected", "false": "false positives"}

LEAST = {"recovery": 0.001, "false": 0.1}  # differences that are worth a word


@dataclass(frozen=True)
class Unmasked:
    """A background that does not know where cells are: it sees what they leave of the movie, but takes all pixels for open."""

    background: Background

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Tensor:
        rest = movie.V
        if len(model) and movie.U_local is not None:
            onto = SparseMatrix(movie.U_local.csr.T @ model.A.csr, movie.device)
            rest = rest - onto @ (model.C - model.C.mean(dim=1, keepdim=True))
        return self.background(movie.with_V(rest), Model.nothing(movie), diameter, runtime)


def without_masking(pipeline: Pipeline) -> Pipeline:
    return replace(pipeline, background=Unmasked(pipeline.background))


def as_it_is(pipeline: Pipeline) -> Pipeline:
    return pipeline


ALTERED: dict[str, Callable[[Pipeline], Pipeline]] = {"ring without masking": without_masking}  # what no knob does


def variant_scores(case: Case, changes: tuple[str, ...], alter: Callable[[Pipeline], Pipeline]) -> Row:
    return score(case.run(*changes, alter=alter), case.truth)


METHODS = {name: partial(variant_scores, changes=changes, alter=ALTERED.get(name, as_it_is)) for name, changes in VARIANTS.items()}


def main() -> None:
    """Run what is missing, then write the page."""
    chosen = understood(options("ablations", __doc__, seeds=4))
    movies = {"two-photon": (*MOVIES["two-photon"], *QUICK)} if chosen.quick else MOVIES
    rows = run_all(movies, chosen, METHODS)
    skipped = {variant for (_, variant), found in rows.items() if any("skipped" in row for row in found)}
    variants = [variant for variant in VARIANTS if variant not in skipped]
    draw(rows, list(movies), variants, chosen)
    write(chosen.out, "ablations", page(rows, movies, variants, skipped, chosen), chosen.quick)


def difference(rows: Rows[str], movie: str, variant: str, key: str) -> Mean:
    """Of a variant to the default, movie by movie."""
    pairs = zip(rows[movie, variant], rows[movie, DEFAULT], strict=True)
    return Mean.of(one[key] - other[key] for one, other in pairs if one[key] is not None and other[key] is not None)


def page(
    rows: Rows[str], movies: dict[str, tuple[str, ...]], variants: list[str], skipped: set[str], chosen: argparse.Namespace
) -> list[str]:
    """The parts of the page."""
    parts = [
        "# Ablations: what each part brings",
        "The default pipeline with one thing off at a time, on the same compressed movies. Mean ± standard error over "
        f"{chosen.seeds} movies of seeds that no training saw. The first row of each table is the default itself; all others are "
        "**differences to it**, taken movie by movie. What the scores mean stands in `density.md`.",
        table(["variant", "what is changed"], [[f"{name}", how(name)] for name in variants if name != DEFAULT]),
        f"`python benchmarks/ablations.py --seeds {chosen.seeds}`",
        "![differences to the default](ablations.png)",
    ]
    for movie, overrides in movies.items():
        whole = [DEFAULT, *(Mean.of(row[key] for row in rows[movie, DEFAULT]).show(1 if key == "false" else 3) for key in SHOWN)]
        others = [
            [variant, *(difference(rows, movie, variant, key).show(1 if key == "false" else 3, sign=True) for key in SHOWN)]
            for variant in variants
            if variant != DEFAULT
        ]
        parts += [f"## {movie}", f"`{' '.join(overrides)}`", table(["variant", *SHOWN.values()], [whole, *others])]
    left_out = f"Left out, since this version has no such knob: {', '.join(sorted(skipped))}." if skipped else ""
    return [*parts, "## Reading", "\n".join(f"- {line}" for line in reading(rows, list(movies), variants)), left_out, versions()]


def how(variant: str) -> str:
    """What is changed, as typed."""
    typed = " ".join(f"`{change}`" for change in VARIANTS[variant])
    return typed or "the ring sees what the cells leave of the movie, but no pixel is masked"


def reading(rows: Rows[str], movies: list[str], variants: list[str]) -> list[str]:
    """Differences of at least two standard errors, largest loss first."""
    lines = []
    for key in ("recovery", "false"):
        found = [(difference(rows, movie, variant, key), variant, movie) for movie in movies for variant in variants if variant != DEFAULT]
        sure = [one for one in found if abs(one[0].value) >= max(2 * one[0].error, LEAST[key])]
        sure.sort(key=lambda one: one[0].value, reverse=key == "false")
        told = "; ".join(f"{variant} {mean.show(1 if key == 'false' else 3, sign=True)} ({movie})" for mean, variant, movie in sure)
        lines.append(f"{SHOWN[key].capitalize()}, differences of two standard errors and more: {told or 'none'}.")
    return lines


def draw(rows: Rows[str], movies: list[str], variants: list[str], chosen: argparse.Namespace) -> None:
    """Bars of differences, a panel for each score."""
    shown = [variant for variant in variants if variant != DEFAULT]
    drawn, axes = figure(3, 4.0, 1.2 + 0.42 * len(shown))
    for ax, key in zip(axes, ("f1", "recovery", "false"), strict=True):
        bars(ax, shown, {movie: [difference(rows, movie, variant, key) for variant in shown] for movie in movies})
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_xlabel(f"{SHOWN[key]}: difference to the default", fontsize=8)
        if ax is not axes[0]:
            ax.set_yticklabels([])
    below(drawn, axes[1])
    save(drawn, chosen.out / "ablations.png")


if __name__ == "__main__":
    main()
