"""How fast movies are simulated, beside drawing as much Gaussian noise and casting it to uint16.

    python benchmarks/simulate.py [device]

Prints, for 256 x 256 x 3000 frames with 200 cells: seconds to draw and look (once for a movie), seconds for all frames, and both together
over the noise alone; then what a movie of 512 x 512 x 50,000 frames takes up in memory. Rows differ by what moves and what falls.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from simulators import simulator

FRAMES, SIZE, CELLS, PIECE = 3000, (256, 256), 200, 256


def noise_alone() -> float:
    """s for FRAMES frames, in one thread."""
    generator = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(FRAMES):
        generator.standard_normal(SIZE, dtype=np.float32).astype(np.uint16)
    return time.perf_counter() - start


def row(name: str, device: str, **knobs: object) -> None:
    """One line of the table."""
    start = time.perf_counter()
    made = simulator(frames=FRAMES, size=SIZE, cells=CELLS, min_distance=0.5, **knobs)(np.random.default_rng(0)).to(device)
    drawn = time.perf_counter() - start
    for begin in range(0, FRAMES, PIECE):
        made.recording[begin : begin + PIECE]
    frames = time.perf_counter() - start - drawn
    before = noise_alone()  # beside each row: other work on the machine then weighs on both
    print(f"| {name} | {drawn:.2f} | {frames:.2f} | {before:.2f} | {(drawn + frames) / before:.2f} |", flush=True)


def main() -> None:
    """Print both tables."""
    device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    print(f"{SIZE[0]} x {SIZE[1]} x {FRAMES}, {CELLS} cells, {device}\n")
    print("| | draw, look (s) | frames (s) | noise alone (s) | ratio |\n|---|---|---|---|---|")
    row("two-photon, somata", device, shapes="soma")
    row("two-photon, dendrites", device)
    row("Bessel, dendrites", device, psf="bessel")
    row("one-photon, somata", device, psf="one_photon", shapes="soma", neuropil="widefield")
    row("two-photon, somata, rigid motion", device, shapes="soma", motion="rigid")
    row("two-photon, somata, local motion", device, shapes="soma", motion="nonrigid")
    movie = simulator(frames=50_000, size=(512, 512), cells=500, shapes="soma", min_distance=0.5)(np.random.default_rng(0)).recording
    for begin in range(0, 50_000, 5_000):
        movie[begin : begin + PIECE]
    print(f"\n512 x 512 x 50,000 with 500 cells: at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


if __name__ == "__main__":
    main()
