"""Frames per second of neural enhancing on one thread, by the processor's clock: python benchmarks/enhance.py [--size 256] [--diameter 12]

Each part alone on frames that are held in memory, a few at a time as `NeuralEnhancing` works on them, and the whole as it is read.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from pages import table

from detectnmf.enhance.diffusion import diffuse
from detectnmf.enhance.neural import PIXELS, NeuralEnhancing, noise
from detectnmf.enhance.opening import opening
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

ROUNDS = 3  # of which the best counts


def seconds(work: Callable[[], object]) -> float:
    """Processor time of the fastest round."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python benchmarks/enhance.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="rows and columns of a frame (px)")
    parser.add_argument("--diameter", type=float, default=12.0, help="of a cell (px)")
    parser.add_argument("--frames", type=int, default=100)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    enhance = NeuralEnhancing()
    edge = 2 * round(enhance.edge_diameters * chosen.diameter / 2) + 1
    rng = np.random.default_rng(0)
    movie = rng.poisson(1000, (chosen.frames, chosen.size, chosen.size)).astype(np.uint16)
    pieces = torch.from_numpy(movie.astype(np.float32)).split(max(1, PIXELS // chosen.size**2))
    above = [piece - opening(piece, edge) for piece in pieces]
    kappa = [enhance.kappa * noise(piece) for piece in above]
    recording = enhance(Recording(movie, name="noise"), chosen.diameter, Runtime(device="cpu", quiet=True))
    taken = {
        f"opening, square of {edge} px": seconds(lambda: [opening(piece, edge) for piece in pieces]),
        f"diffusion, {enhance.iterations} iterations": seconds(
            lambda: [diffuse(piece, k, enhance.step, enhance.iterations) for piece, k in zip(above, kappa, strict=True)]
        ),
        "all of it, on reading": seconds(lambda: recording[:]),
    }
    rows = [(name, f"{1000 * spent / chosen.frames:.1f}", f"{chosen.frames / spent:.0f}") for name, spent in taken.items()]
    print(table((f"{chosen.size} × {chosen.size} px, one thread", "ms a frame", "frames/s"), rows))


if __name__ == "__main__":
    main()
