"""What the detector finds: in single frames, and as seeds beside superpixels and a greedy finder; how sure it may be; how fast it is.

    python benchmarks/detector.py [--quick] [--seeds 5] [--jobs 2] [--densities 1,1.6] [--cache FILE]

Writes detector.md, detector.png and detector_frames.png.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from common import FIRST_SEED, LEAST_SNR, build, versions
from finders import BySeeder, BySelection, greedy, speed
from hydra import compose, initialize_config_module
from pages import COLOURS, GRID, Mean, curve, figure, save, table, write
from runs import Method, Row, Rows, options, run_all, understood

from detectnmf.detect.calibration import BINS, Calibration, calibration_error
from detectnmf.detect.checkpoint import load_network
from detectnmf.detect.network import LEAST_SCORE
from detectnmf.train.pictures import draw as draw_crops
from detectnmf.train.score import Scores, score_network
from detectnmf.train.stream import TEST, fixed

CHECKPOINT = "neurons"
DENSITIES = (0.3, 1.0, 1.6, 2.4, 3.2)
QUICK = ("sim.size=[64,64]", "sim.frames=400")
METHODS: dict[str, Method] = {"detector": BySeeder("maskrcnn"), "superpixels": BySeeder("superpixels"), "greedy Gaussian": greedy}
SELECTIONS: dict[str, Method] = {
    f"cover, {count} looks" if cover else f"{count} brightest of a patch": BySelection(cover, count)
    for cover, counts in ((True, (1, 2, 3, 5)), (False, (5, 10, 30)))
    for count in counts
}
CHOOSING = ("experiment=bessel_density", "sim.density=1.6")  # the movies on which selections are compared
LONG = ("experiment=two_photon", "sim.frames=2000")
SNRS = (0, 3, 5, 8, 15, 1000)
WANTED = {1.0: 0.97, 1.6: 0.93, 2.4: 0.85}  # recall at a density
PRECISE, TWO_PHOTON, ERROR, SECONDS = 0.95, 0.93, 0.05, 4.0


@dataclass(frozen=True)
class Frames:
    """Scores in single crops before and after calibration."""

    raw: Scores
    calibrated: Scores


def main() -> None:
    """Run what is missing, then write the page."""
    parser = options("detector", __doc__, seeds=5)
    parser.add_argument("--densities", help=f"R_c, with commas ({','.join(map(str, DENSITIES))})")
    chosen = understood(parser)
    densities: tuple[float, ...] = (1.0, 1.6) if chosen.quick else DENSITIES
    if chosen.densities:
        densities = tuple(float(one) for one in chosen.densities.split(","))
    small = QUICK if chosen.quick else ()
    movies = {f"R_c {density:g}": ("experiment=bessel_density", f"sim.density={density:g}", *small) for density in densities}
    movies["two-photon"] = ("experiment=two_photon", *small)
    rows = run_all(movies, chosen, METHODS)
    choices = run_all({"choosing": (*CHOOSING, *small)}, chosen, SELECTIONS)
    alone = argparse.Namespace(**{**vars(chosen), "seeds": 1, "jobs": 1})
    fast = run_all({"long": (*LONG, *small)}, alone, {"speed": speed})["long", "speed"][0]
    frames = single_frames(chosen)
    draw(rows, densities, frames, chosen)
    write(chosen.out, "detector", page(rows, choices, densities, frames, fast, chosen), chosen.quick)


def single_frames(chosen: argparse.Namespace) -> Frames:
    """The shipped network on crops of movies that neither training nor the card's test saw; and a picture of them."""
    with initialize_config_module("detectnmf.configs", version_base=None):
        config = compose("train", [f"experiment={CHECKPOINT}"])
    training = build(config, "training")
    source = training.source(*(build(config, part) for part in ("sim", "compress", "sparsen", "enhance")), seed=0)
    crops = fixed(replace(source, per_movie=training.scored), 4 if chosen.quick else 40, TEST + FIRST_SEED)
    network, card = load_network(CHECKPOINT, LEAST_SCORE, torch.device(chosen.device))
    draw_crops(network, crops, chosen.out / "detector_frames.png", CHECKPOINT)
    raw = score_network(network, crops, torch.device(chosen.device))
    return Frames(raw, raw.calibrated(Calibration(**card["calibration"])))


def share(rows: list[Row], part: str, *whole: str) -> Mean:
    """Mean over movies of part / whole."""
    return Mean.of(row[part] / sum(row[key] for key in whole) if sum(row[key] for key in whole) else None for row in rows)


def recall(rows: list[Row]) -> float:
    """Over the cells of all movies."""
    return sum(row["hits"] for row in rows) / max(sum(row["true"] for row in rows), 1)


def precision(rows: list[Row]) -> float:
    return sum(row["hits"] for row in rows) / max(sum(row["hits"] + row["false"] for row in rows), 1)


def page(
    rows: Rows[str], choices: Rows[str], densities: tuple[float, ...], frames: Frames, fast: Row, chosen: argparse.Namespace
) -> list[str]:
    """The parts of the page."""
    names = [*(f"R_c {density:g}" for density in densities), "two-photon"]
    found = [[name, method, *seed_scores(rows[name, method])] for name in names for method in METHODS]
    by_snr = []
    for low, high in pairwise(SNRS):
        bin_name = f"{low} to {high}" if high < 1000 else f"over {low}"
        by_snr.append([bin_name, *(snr_recall(rows, names, method, low, high) for method in METHODS)])
    chosen_frames = []
    for (_, method), each in choices.items():
        chosen_frames.append([method, Mean.of(row["shown"] for row in each).show(0), f"{recall(each):.3f}", f"{precision(each):.3f}"])
    at = [[f"{least:g}", *(f"{value:.3f}" for value in frames.calibrated.at(least))] for least in (0.3, 0.5, 0.7, 0.9)]
    raw, sure = frames.raw, frames.calibrated
    return [
        "# Detector: cells in single frames, and seeds",
        f"The shipped network (`checkpoints/{CHECKPOINT}.md`) and the seeder around it, default settings, on {chosen.seeds} movies of each "
        "kind, of seeds that no training and no choice of a setting saw.",
        "- **Bessel**: `experiment=bessel_density sim.density=R_c`, cells with dendrites on black, at random places; every cell of the "
        "truth is asked for.\n- **Two-photon**: `experiment=two_photon`, cells with dendrites in neuropil; cells whose peak is at least "
        f"{LEAST_SNR:g} times the noise are asked for, and a seed of a dimmer one is neither right nor wrong.\n"
        "- **A hit**: seed and true cell are paired one-to-one, as many as possible, where the cosine of their footprints (units of noise) "
        "or the IoU of their masks (above 0.2 of the maximum) is at least 0.5.\n"
        "- **Superpixels**: the second shipped seeder, alone on the whole movie. **Greedy Gaussian**: the start of CNMF "
        "(`benchmarks/finders.py`), on the same compressed movie, **told the true number of cells**.",
        f"`python benchmarks/detector.py --seeds {chosen.seeds} --densities {','.join(f'{density:g}' for density in densities)}`",
        "![recall and precision of seeds, precision against recall in single frames, reliability](detector.png)",
        "## Seeds",
        table(["movie", "finder", "cells", "recall, all cells", "of a movie", "precision, all seeds", "of a movie"], found),
        "Recall by the cell's peak SNR, all movies together:",
        table(["peak SNR", *METHODS], by_snr),
        "## Which frames the network is shown",
        f"`{' '.join(CHOOSING)}`; the same network, grouping and tiles. *Cover* adds frames as long as they show some place better, "
        "relative to its best, than the frames before; maskNMF takes the brightest frames of each patch.",
        table(["frames", "crops shown", "recall", "precision"], chosen_frames),
        "## Single frames",
        f"{len(raw.found)} cells in crops of movies like those of training (`experiment={CHECKPOINT}`) with other seeds. Average precision "
        f"{raw.average_precision(0):.3f} at a mask IoU of 0.5, {raw.average_precision(1):.3f} at 0.75. A visible cell that the labels do "
        "not ask for (too weak a part of its activity, or its soma is outside of the frame) counts as a false alarm here.",
        table(["confidence at least", "precision", "recall"], at),
        f"Expected calibration error of the confidence, ten bins: {calibration_error(raw.confidence, raw.hit[:, 0]):.3f} as the network "
        f"gives it, {calibration_error(sure.confidence, sure.hit[:, 0]):.3f} after the logistic on the card.",
        "![hits, misses and false alarms](detector_frames.png)",
        "## Speed",
        f"`{' '.join(LONG)}`, network loaded, processor seconds over all threads (on a core of its own, or shared between two): "
        f"sparsening {fast['sparsen']:.1f}, choosing frames and correlating neighbours {fast['select']:.1f}, detecting and grouping "
        f"{fast['detect']:.1f} for {fast['shown']} crops, {fast['rate']:.0f} crops a second.",
        "## Reading",
        "\n".join(f"- {line}" for line in reading(rows, densities, frames, fast)),
        versions("torchvision"),
    ]


def seed_scores(each: list[Row]) -> list[str]:
    """Cells, recall over all and of a movie, precision of all and of a movie."""
    cells, of_movie = Mean.of(row["true"] for row in each).show(1), share(each, "hits", "true").show()
    return [cells, f"{recall(each):.3f}", of_movie, f"{precision(each):.3f}", share(each, "hits", "hits", "false").show()]


def snr_recall(rows: Rows[str], names: list[str], method: str, low: float, high: float) -> str:
    pairs = [pair for name in names for row in rows[name, method] for pair in zip(row["snr"], row["found"], strict=True)]
    inside = [hit for snr, hit in pairs if low <= snr < high]
    return f"{np.mean(inside):.3f} of {len(inside)}" if inside else "-"


def reading(rows: Rows[str], densities: tuple[float, ...], frames: Frames, fast: Row) -> list[str]:
    """What the numbers say, beside what was wanted."""

    def verdict(good: bool) -> str:
        return "reached" if good else "missed"

    lines = []
    for density in densities:
        each = rows[f"R_c {density:g}", "detector"]
        found, right, other = recall(each), precision(each), recall(rows[f"R_c {density:g}", "superpixels"])
        wanted = WANTED.get(density)
        asked = f" (wanted {wanted:g}: {verdict(found >= wanted)})" if wanted else ""
        lines.append(
            f"R_c {density:g}: recall {found:.3f}{asked}, precision {right:.3f} (wanted {PRECISE:g}: {verdict(right >= PRECISE)}); recall "
            f"of superpixels {other:.3f}, F1 {f1(each):.3f} against {f1(rows[f'R_c {density:g}', 'superpixels']):.3f}."
        )
    each = rows["two-photon", "detector"]
    lines.append(
        f"Two-photon: recall {recall(each):.3f} (wanted {TWO_PHOTON:g}: {verdict(recall(each) >= TWO_PHOTON)}), precision "
        f"{precision(each):.3f} (wanted {PRECISE:g}: {verdict(precision(each) >= PRECISE)})."
    )
    error = calibration_error(frames.calibrated.confidence, frames.calibrated.hit[:, 0])
    lines.append(f"Calibration error {error:.3f} (wanted at most {ERROR:g}: {verdict(error <= ERROR)}).")
    seconds = fast["sparsen"] + fast["select"] + fast["detect"]
    lines.append(f"Processor seconds of the whole stage: {seconds:.1f} (wanted at most {SECONDS:g}: {verdict(seconds <= SECONDS)}).")
    return lines


def f1(rows: list[Row]) -> float:
    hits = sum(row["hits"] for row in rows)
    return 2 * hits / max(sum(row["true"] + row["hits"] + row["false"] for row in rows), 1)


def draw(rows: Rows[str], densities: tuple[float, ...], frames: Frames, chosen: argparse.Namespace) -> None:
    """Recall and precision against R_c; precision against recall, and reliability, in single frames."""
    drawn, (left, middle, right, last) = figure(4, 3.6, 3.4)
    for method in METHODS:
        each = [rows[f"R_c {density:g}", method] for density in densities]
        curve(left, method, densities, [share(one, "hits", "true") for one in each])
        curve(middle, method, densities, [share(one, "hits", "hits", "false") for one in each])
    for ax, name in ((left, "recall of seeds"), (middle, "precision of seeds")):
        ax.set_xlabel("R_c (footprints over a pixel)")
        ax.set_ylabel(name)
        ax.set_ylim(top=1.01)
    left.legend(fontsize=7, frameon=False)
    for at, (iou, colour) in enumerate(zip((0.5, 0.75), COLOURS, strict=False)):
        order = np.argsort(-frames.raw.confidence, kind="stable")
        hits = np.cumsum(frames.raw.hit[order, at])
        right.plot(hits / max(len(frames.raw.found), 1), hits / np.arange(1, len(hits) + 1), color=colour, label=f"IoU {iou:g}")
    right.set_xlabel("recall, single frames")
    right.set_ylabel("precision")
    right.legend(fontsize=7, frameon=False)
    last.plot([0, 1], [0, 1], color=GRID)
    for scores, colour, name in ((frames.raw, COLOURS[5], "as given"), (frames.calibrated, COLOURS[0], "calibrated")):
        bins = np.minimum((scores.confidence * BINS).astype(int), BINS - 1)
        lit = [b for b in range(BINS) if (bins == b).sum() >= 10]
        points = [(scores.confidence[bins == b].mean(), scores.hit[bins == b, 0].mean()) for b in lit]
        last.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3.5, label=name) if points else None
    last.set_xlabel("confidence")
    last.set_ylabel("share of hits")
    last.legend(fontsize=7, frameon=False)
    save(drawn, chosen.out / "detector.png")


if __name__ == "__main__":
    main()
