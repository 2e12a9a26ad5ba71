"""A movie far larger than the memory it may take, through all stages: python benchmarks/large.py FOLDER [--frames 10000] [--memory 4GB]

The movie (1024 x 1024 pixels, 16 bit; 20 GB by default) is written into FOLDER, where it stays for the next time: footprints, traces and
baseline of a simulated movie of 500 frames, each cell's turned by another amount again and again, and fresh noise. Prints the time, the
peak of the resident memory of the whole process, libraries and all, and the score against the truth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from common import compose
from hydra.utils import instantiate

import detectnmf
from detectnmf.components import Components
from detectnmf.judge.evaluate import evaluate
from detectnmf.result import DemixResult

PIECE = 500  # frames that are simulated
CHUNK = 100  # frames written at a time


def make(folder: Path, frames: int, edge: int, cells: int) -> Path:
    """The movie and its truth; those of an earlier call are kept."""
    movie, truth_file = folder / f"large{frames}.npy", folder / f"large{frames}.truth.h5"
    if movie.exists() and truth_file.exists():
        return movie
    overrides = (f"sim.frames={PIECE}", f"sim.size=[{edge},{edge}]", f"sim.cells={cells}", "sim.min_distance=0")
    simulated = instantiate(compose(overrides).sim, _convert_="all")(np.random.default_rng(1))
    rng = np.random.default_rng(2)
    short, pieces = simulated.truth.cells, frames // PIECE
    assert short.traces is not None
    starts = rng.integers(PIECE, size=(len(short), pieces))
    index = (starts[:, :, None] + np.arange(PIECE)) % PIECE
    traces = np.take_along_axis(short.traces, index.reshape(len(short), -1), axis=1).astype(np.float32)
    noise = np.std(np.diff(simulated.recording[:].astype(np.float32), n=2, axis=0), axis=0) / np.sqrt(6)
    lit = np.flatnonzero(np.diff(short.footprints.tocsr().indptr))
    footprints = short.footprints.tocsr()[lit].astype(np.float32)
    out = np.lib.format.open_memmap(movie, "w+", np.uint16, (frames, edge, edge))
    level, spread = (torch.from_numpy(image.ravel().astype(np.float32)) for image in (simulated.truth.baseline, noise))
    dice = torch.Generator().manual_seed(2)
    for start in range(0, frames, CHUNK):
        chunk = torch.randn(CHUNK, edge * edge, generator=dice).mul_(spread).add_(level)
        chunk[:, lit] += torch.from_numpy((footprints @ traces[:, start : start + CHUNK]).T)
        out[start : start + CHUNK] = chunk.clamp_(0, 65534).numpy().reshape(-1, edge, edge)
    out.flush()
    kept = Components(short.footprints, short.size, traces, short.score)
    truth = simulated.truth
    background = truth.background.with_V(truth.background.V[:, :1].expand(-1, frames) * 0)
    DemixResult(kept, truth.baseline, background, rate=truth.rate, pixel_size=truth.pixel_size, provenance={"kind": "truth"}).save(
        truth_file
    )
    return movie


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--frames", type=int, default=10_000)
    ask.add_argument("--edge", type=int, default=1024)
    ask.add_argument("--cells", type=int, default=200)
    ask.add_argument("--memory", default="4GB")
    ask.add_argument("words", nargs="*", help="further words of `detectnmf run`")
    given = ask.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    movie = make(given.folder, given.frames, given.edge, given.cells)
    out = given.folder / "large.detectnmf"
    words = ["run", str(movie), f"out={out}", "rate=15", "overwrite=true", "device=cpu", f"max_memory={given.memory}", *given.words]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "detectnmf", *words], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - start
    print(done.stdout)
    scores = evaluate(detectnmf.load(out), detectnmf.load(movie.with_suffix("").with_suffix(".truth.h5")))
    print(scores.table())
    print(json.dumps({"gigabytes": movie.stat().st_size / 1e9, "seconds": round(seconds), "allowed": given.memory}))


if __name__ == "__main__":
    main()
