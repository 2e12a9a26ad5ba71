"""The default run on real recordings: python benchmarks/real.py FOLDER

FOLDER holds the recordings. Prints a Markdown table of cells, seconds and peak memory, each run in a process of its own, and the agreement
with another program's result on the miniscope (agreement, not truth). Results and reports go to the current folder.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import detectnmf
from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.judge.evaluate import evaluate
from detectnmf.result import DemixResult

RUNS = {
    "two-photon-fly": ["rate=2.88", "pixel_size=0.44"],
    "two-photon-mouse": ["diameter=3"],
    "zebrafish-light-sheet": ["diameter=4"],
    "miniscope-registered": ["detector.checkpoint=one_photon"],
    "one-photon-raw": ["preset=scnmf", "diameter=3"],
}


def main(folder: Path) -> None:
    """Run, measure, print."""
    print("| recording | given | cells | seconds | peak memory (GiB) |\n|---|---|---|---|---|")
    for name, given in RUNS.items():
        command = [sys.executable, "-m", "detectnmf", "run", str(folder / f"{name}.tif"), "quiet=true", "overwrite=true", *given]
        start = time.perf_counter()
        silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        child = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
        _, status, usage = os.wait4(child, 0)
        if status:
            raise SystemExit(f"{name}: the run failed")
        cells = len(detectnmf.load(f"{name}.detectnmf/result.h5").cells)
        print(f"| {name} | {' '.join(given)} | {cells} | {time.perf_counter() - start:.0f} | {usage.ru_maxrss / 2**20:.1f} |", flush=True)
    labels = np.load(folder / "miniscope-labels.npz")
    images, traces = labels["footprints"].astype(np.float32), labels["traces"].astype(np.float32)
    nothing = Compressed.from_factors(np.zeros((images[0].size, 0)), np.zeros((0, traces.shape[1])), np.zeros(images.shape[1:]))
    other = DemixResult(Components.from_images(images, traces), np.zeros(images.shape[1:], np.float32), nothing)
    ours = detectnmf.load("miniscope-registered.detectnmf/result.h5")
    print("\nminiscope against another program's result\n")
    print(evaluate(replace(ours, movie=None), other).table())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
