"""How fast is localised NMF, and what do means over frames and pixels bring? MSE against time (Friedrich 2017, Fig. 2 and 3).

    python benchmarks/fast.py [--seeds 3] [--quick] [--out FOLDER]

Writes fast.md, fast.png and fast_cells.png. Seconds are of the processor, on one thread; start with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import FIRST_SEED, versions
from nmf_curves import BEST, BY_FRAMES, NO_MEANS, ONE, PLAIN, SKLEARN, Patch, Point, curves, whole_call
from pages import COLOURS, Mean, figure, save, table, write
from scipy import sparse

ROOT = Path(__file__).resolve().parents[1]
MOVIE = ("experiment=zebrafish",)
QUICK = ("sim.size=[48,48]", "sim.frames=600", "sim.cells=30")
CLOSE = 1.001  # of the converged MSE
WANTED = {BY_FRAMES: 50, ONE: 50, PLAIN: 5}


def reached(points: list[Point], error: float) -> Point | None:
    """The first one that comes so low."""
    return next((point for point in points if point.error <= error), None)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Median correlation of rows with the same rows; sparse or dense."""
    one, other = (x.toarray() if sparse.issparse(x) else np.asarray(x) for x in (one, other))
    one, other = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    norm = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    both = norm > 0
    return float(np.median((one * other).sum(axis=1)[both] / norm[both]))


def rows(found: dict[str, list[Point]]) -> dict[str, dict[str, float]]:
    """Of each method: seconds to the goal, its last error, and how alike its cells are to its converged ones."""
    goal, out = CLOSE * found[PLAIN][-1].error, {}
    for name, points in found.items():
        there = reached(points, goal)
        last = found[NO_MEANS if name.startswith("ours") else ONE if name.startswith(ONE) else PLAIN][-1]
        known = {"seconds": np.nan if there is None else there.seconds, "last": points[-1].error / found[PLAIN][-1].error}
        if there is not None and not name.startswith("scikit"):
            known |= {"shapes": alike(there.shapes, last.shapes), "traces": alike(there.traces, last.traces)}
        out[name] = known
    return out


def draw(found: dict[str, list[Point]], path: Path) -> None:
    """Fig. 2: the order of updates, means over time, and over space."""
    drawn, axes = figure(3, 4.6, 3.8)
    converged = found[PLAIN][-1].error
    of_frames, of_both = ([name for name in found if name.startswith("HALS") and name.endswith(end)] for end in ("30 frames", "px"))
    panels = [
        [BY_FRAMES, ONE, PLAIN, "scikit-learn NMF", NO_MEANS],
        [PLAIN, *of_frames, NO_MEANS, "ours, means of frames"],
        [PLAIN, *of_both, BEST, "ours, means, compressed movie"],
    ]
    for ax, names in zip(axes, panels, strict=True):
        for name, colour in zip(names, COLOURS, strict=False):
            points = found[name]
            above = [100 * (point.error / converged - 1) for point in points]
            ax.plot([point.seconds for point in points], above, color=colour, marker=".", markersize=4, label=name)
        ax.axhline(100 * (CLOSE - 1), color="black", linewidth=0.8, linestyle=":")
        ax.set(xscale="log", xlabel="processor seconds, one thread", ylim=(-0.3, 2))
        ax.legend(fontsize=6, frameon=False)
    axes[0].set_ylabel("MSE above that of converged plain HALS (%)")
    save(drawn, path)


def draw_cells(found: dict[str, list[Point]], size: tuple[int, int], path: Path) -> None:
    """Fig. 3: shapes and traces of three cells, converged and after the goal was just reached."""
    goal = CLOSE * found[PLAIN][-1].error
    long, short = found[NO_MEANS][-1], reached(found[BEST], goal)
    if short is None:
        return
    shapes = [np.asarray(point.shapes.toarray()) for point in (long, short)]
    cells = np.argsort(-long.traces.std(axis=1) * np.linalg.norm(shapes[0], axis=1))[:3]
    drawn, axes = figure(4, 3.0, 3.4)
    for ax, k in zip(axes, cells, strict=False):
        pixels = np.flatnonzero(shapes[0][k])
        y, x = np.divmod(pixels, size[1])
        crops = [shape[k].reshape(size)[y.min() : y.max() + 1, x.min() : x.max() + 1] for shape in shapes]
        ax.imshow(np.concatenate([crop / crop.max() for crop in crops], axis=1), cmap="viridis")
        ax.set_title(f"cell {k}: converged | {short.seconds:.2f} s", fontsize=8)
        ax.axis("off")
    for at, k in enumerate(cells):
        for point, colour in ((long, "black"), (short, COLOURS[at])):
            trace = point.traces[k] - point.traces[k].min()
            axes[3].plot(trace[:600] / trace.max() + 1.1 * at, color=colour, linewidth=1.4 if point is long else 0.7)
    axes[3].set_xlabel("frame (black: converged)")
    save(drawn, path)


def main() -> None:
    """Run, then write the page."""
    parser = argparse.ArgumentParser("python benchmarks/fast.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="patches (3)")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first one")
    parser.add_argument("--quick", action="store_true", help="a small patch; its page goes to a temporary folder")
    parser.add_argument("--out", type=Path, help="folder of the page (docs/benchmarks)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    out = chosen.out or (Path(tempfile.gettempdir()) / "detectnmf-benchmarks" if chosen.quick else ROOT / "docs" / "benchmarks")
    out.mkdir(parents=True, exist_ok=True)
    measured, calls, cells, compressing = [], [], [], []
    for seed in range(chosen.first, chosen.first + (1 if chosen.quick else chosen.seeds)):
        patch = Patch.of((*MOVIE, *(QUICK if chosen.quick else ())), seed)
        found = curves(patch, 30 if chosen.quick else 150)
        measured.append(rows(found))
        calls.append([whole_call(patch, movie) for movie in (patch.movie, patch.compressed)])
        cells.append(len(patch.seeds))
        compressing.append(patch.compressing)
        if seed == chosen.first:
            draw(found, out / "fast.png")
            draw_cells(found, patch.movie.size, out / "fast_cells.png")
    write(out, "fast", page(measured, calls, cells, compressing, chosen), chosen.quick)


def verdict(reached: bool) -> str:
    return "reached" if reached else "missed"


def page(
    measured: list[dict[str, dict[str, float]]],
    calls: list[list[float]],
    cells: list[int],
    compressing: list[float],
    chosen: argparse.Namespace,
) -> list[str]:
    """The parts of the page."""

    def mean(name: str, key: str) -> Mean:
        return Mean.of(one[name].get(key, np.nan) for one in measured)

    def times(name: str, other: str) -> str:
        return Mean.of(one[other]["seconds"] / one[name]["seconds"] for one in measured).show(1)

    lines = [
        [name, mean(name, "seconds").show(3), times(name, BY_FRAMES), times(name, ONE), times(name, PLAIN), mean(name, "last").show(5)]
        + [mean(name, key).show(4) for key in ("shapes", "traces")]
        for name in measured[0]
    ]
    reading = []
    for other, wanted in WANTED.items():
        ratio = Mean.of(one[other]["seconds"] / one[BEST]["seconds"] for one in measured)
        reading.append(f"{BEST}: {ratio.show(1)} times as fast as {other} (wanted {wanted}): {verdict(ratio.value >= wanted)}.")
    lowest = mean(NO_MEANS, "last")
    reading.append(f"Converged MSE of ours over that of plain HALS: {lowest.show(5)} (wanted at most 1): {verdict(lowest.value <= 1)}.")
    for key in ("shapes", "traces"):
        found = mean(BEST, key)
        told = f"Median correlation of {key} with the converged ones: {found.show(4)} (wanted 0.99)"
        reading.append(f"{told}: {verdict(found.value >= 0.99)}.")
    return [
        "# Fast constrained NMF: MSE against time",
        "Patches of a larval zebrafish's brain under the light sheet (`experiment=zebrafish`: 100 x 100 px, 3000 frames, nuclear "
        "GCaMP6f), "
        f"{len(measured)} of seeds that nothing was chosen on, {np.mean(cells):.0f} components each. All methods begin from the same "
        "centres, Gaussians and patches. Seconds of the processor on one thread, on whatever else the machine was doing, from the movie in "
        "memory on; measuring the error does not count. The goal is an MSE within 0.1 % of that of plain HALS after 150 iterations.",
        "- **One neuron at a time, HALS, means**: the paper's methods in a few lines of NumPy (`benchmarks/nmf_orders.py`). A neuron's "
        "activity and shape are updated on the residual in its patch, then the next one's. Frame by frame, the residual is kept as the "
        "paper writes it, frames in rows, so that a patch lies scattered in memory; otherwise pixels are rows, which is kindest to it.\n"
        f"- **scikit-learn NMF**: as many components, not localised; {', '.join(map(str, SKLEARN))} iterations.\n"
        "- **Ours**: `demix=fast` on the uncompressed movie (`compress=none`), and on the compressed one, which takes "
        f"{np.mean(compressing):.1f} s to make; its footprints and traces are tried on the uncompressed movie.",
        f"`python benchmarks/fast.py --seeds {chosen.seeds}`",
        "![MSE against time](fast.png)",
        "![cells after the goal was reached, beside converged ones](fast_cells.png)",
        table(
            [
                "method",
                "seconds to the goal",
                "times faster: one at a time, frame by frame",
                "times faster: one at a time",
                "times faster: plain HALS",
                "last MSE / plain HALS's",
                "shapes",
                "traces",
            ],
            lines,
        ),
        "Shapes, traces: median correlation with the converged ones when the goal is reached.",
        "The whole call of the demixer, with 5 iterations on means and 5 at most on the movie, the objective after each, the baseline put "
        f"where cells rest and the background written into the movie's bases: {Mean.of(one[0] for one in calls).show(2)} s, "
        f"{Mean.of(one[1] for one in calls).show(2)} s on the compressed movie.",
        "## Reading",
        "\n".join(f"- {line}" for line in reading),
        versions(),
    ]


if __name__ == "__main__":
    main()
