"""Accuracy on simulated movies beside the oracle and a baseline: python benchmarks/accuracy.py [seeds]

Prints a Markdown table: the default run, scikit-learn's NMF (told the true number of cells, on the same compressed movie), and the oracle
(true footprints, non-negative regression), each scored by the same function. More movies, methods and errors: density.py, two_photon.py.
"""

from __future__ import annotations

import sys

import numpy as np
from baselines import nmf
from common import Case, oracle, score
from runs import seeds

MOVIES = {
    "demo": (),
    "dendrites": ("shapes=pyramidal",),
    "dense (100 cells, random places)": ("shapes=pyramidal", "sim.cells=100", "sim.min_distance=0"),
    "dim (snr 5), strong neuropil": ("sim.snr=5", "neuropil.amplitude=0.08"),
}


def main(count: int) -> None:
    """One row for each kind of movie, mean over seeds."""
    print("| movie | cells | found | false | F1 at IoU 0.5 | recovery accuracy | oracle | NMF: F1 | NMF: recovery accuracy |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, overrides in MOVIES.items():
        rows = []
        for seed in seeds(count):
            case = Case(overrides, seed)
            ours, theirs = score(case.run(), case.truth), score(nmf(case.movie, len(case.truth.cells)), case.truth)
            row = [ours[key] for key in ("true", "found", "false", "f1", "recovery")]
            rows.append([*row, oracle(case)["recovery"], theirs["f1"], theirs["recovery"]])
        mean = np.mean(rows, axis=0)
        shown = [*(f"{value:.1f}" for value in mean[:3]), *(f"{value:.3f}" for value in mean[3:])]
        print(f"| {name} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
