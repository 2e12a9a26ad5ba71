"""Compression against movies whose noiseless version is known.

    python benchmarks/compression.py [--quick] [--seeds 3] [--jobs 2] [--cache FILE]

Writes compression.md. The error is the root mean square of what is wrong, in units of each pixel's noise: that of the movie as it
comes is 1.
"""

from __future__ import annotations

import time

import numpy as np
from common import Case, Scores, build, versions
from pages import Mean, table, write
from runs import Method, options, run_all, understood
from scipy.linalg import eigh
from scipy.ndimage import uniform_filter

from detectnmf.compress.blocks import Blocks

MOVIES = {
    "Bessel, R_c 1.2": ("experiment=bessel_density", "sim.density=1.2"),
    "Bessel, R_c 2.4": ("experiment=bessel_density", "sim.density=2.4"),
    "two-photon": ("experiment=two_photon",),
    "two-photon, faint cells": ("sim.snr=2.5", "sim.cells=60", "sim.visible=1"),
    "two-photon, 3 Hz": ("sim.rate=3", "sim.frames=600"),
    "two-photon, 30 Hz, fast indicator": ("activity=gcamp8f", "sim.rate=30"),
    "one-photon": ("experiment=one_photon", "sim.size=[128,128]", "sim.frames=1000", "motion.rms=0", "motion.breath=0"),
    "noise alone": ("sim.cells=0", "neuropil=none", "neuropil.level=0"),
}
QUICK = ("sim.size=[64,64]", "sim.frames=300")
WINDOWS = [(frames, pixels) for frames in (1, 3, 5, 9, 15, 25) for pixels in (1, 3, 5, 7)]
MOST = 60  # rank of a block of the best approximation
SILENT = 0.05  # pixels of less than this part of the usual noise carry nothing


class Known:
    """A simulated movie (T, Y, X), its noiseless version, the noise (Y, X), and where there is any."""

    def __init__(self, case: Case) -> None:
        truth = case.truth
        self.noisy = case.made.recording[:].astype(np.float32)
        clean = (truth.cells.footprints @ truth.cells.traces).T.reshape(self.noisy.shape).astype(np.float32)
        if truth.background is not None:
            clean += (truth.background.U.csr @ truth.background.V.numpy()).T.reshape(clean.shape) + truth.background.mean
        self.clean = clean + truth.baseline
        noise = truth.history["noise"]
        self.good = (noise > SILENT * np.median(noise[noise > 0])) & (self.noisy.std(0) > 0)
        self.noise = np.where(self.good, noise, 1)

    def error(self, movie: np.ndarray) -> float:
        return rms(((movie - self.clean) / self.noise)[:, self.good])


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def ours(case: Case) -> Scores:
    """Default compression."""
    compress, known = build(case.config, "compress"), Known(case)
    compress(case.made.recording, case.runtime)  # what is set up once is not counted
    start = time.perf_counter()
    movie = compress(case.made.recording, case.runtime)
    seconds = time.perf_counter() - start
    frames, rows, columns = movie.shape
    dense = movie[:]
    return {
        "error": known.error(dense),
        "residual": rms(((known.noisy - dense) / known.noise)[:, known.good]),
        "noise": float(np.median((movie.std / known.noise)[known.good])),
        "rank": movie.rank,
        "rank_per_block": movie.rank / len(Blocks.cover(movie.size, compress.block)),
        "ratio": frames * rows * columns / max(2 * movie.U.nnz + movie.V.numel(), 1),
        "compress_seconds": seconds,
    }


def best_window(case: Case) -> Scores:
    """The movie averaged in the fixed window that hindsight finds best."""
    known = Known(case)
    return {"error": min(known.error(uniform_filter(known.noisy, (t, s, s))) for t, s in WINDOWS)}


def best_local(case: Case) -> Scores:
    """The movie projected on the noiseless movie's own singular vectors in each block, as many of them as hindsight finds best."""
    known, blocks = Known(case), Blocks.cover(case.movie.size, build(case.config, "compress").block)
    truth = ((known.clean - known.clean.mean(0)) / known.noise).reshape(len(known.clean), -1)
    noisy = ((known.noisy - known.noisy.mean(0)) / known.noise).reshape(truth.shape)
    total, weight, ranks = np.zeros_like(truth), np.zeros(truth.shape[1]), []
    for pixels in blocks.pixels():
        inside = truth[:, pixels]
        last = len(pixels) - 1
        basis = eigh(inside.T @ inside, subset_by_index=(max(0, last - MOST + 1), last))[1][:, ::-1]
        there, seen = inside @ basis, noisy[:, pixels] @ basis
        gain = (there**2).sum(0) - ((seen - there) ** 2).sum(0)
        rank = int(np.argmax(np.append(0, np.cumsum(gain))))
        ranks.append(rank)
        total[:, pixels] += blocks.pyramid() * (seen[:, :rank] @ basis[:, :rank].T)
        weight[pixels] += blocks.pyramid()
    estimate = (total / weight).reshape(known.clean.shape) * known.noise + known.noisy.mean(0)
    return {"error": known.error(estimate), "rank": float(sum(ranks))}


METHODS: dict[str, Method] = {"ours": ours, "best window": best_window, "best local approximation": best_local}


def main() -> None:
    """Run what is missing, then write the page."""
    chosen = understood(options("compression", __doc__, seeds=3))
    names = list(MOVIES)[:2] if chosen.quick else list(MOVIES)
    movies = {name: (*MOVIES[name], *(QUICK if chosen.quick else ())) for name in names}
    found = run_all(movies, chosen, METHODS)

    def of(name: str, method: str, key: str, digits: int = 3) -> str:
        return Mean.of(row.get(key) for row in found[name, method]).show(digits)

    def over(name: str) -> str:
        """Our error over that of the best local approximation, movie by movie."""
        rows = [found[name, method] for method in ("ours", "best local approximation")]
        return Mean.of(a["error"] / b["error"] for a, b in zip(*rows, strict=True) if b["error"] > 0.01).show(2)

    told = {"residual": 3, "noise": 3, "rank": 0, "rank_per_block": 1, "ratio": 0, "compress_seconds": 2}
    head = ["movie", "error", "best window", "best local", "ratio to it", "residual", "noise found", "rank", "per block", "smaller by", "s"]
    rows = []
    for name in names:
        errors = [of(name, method, "error") for method in METHODS]
        rows.append([name, *errors, over(name), *(of(name, "ours", key, digits) for key, digits in told.items())])
    page = [
        "# Compression",
        f"Default settings; mean ± standard error over {chosen.seeds} movies of 128 × 128 px and 600 to 1000 frames. **error**: root mean "
        "square of what is wrong, in units of each pixel's noise. **best window**: the error of the movie averaged in the best of "
        f"{len(WINDOWS)} fixed windows. **best local**: that of the movie projected, block by block, on the noiseless movie's own singular "
        "vectors, as many as hindsight finds best; nobody can know them. **residual** and **noise found** are over the true noise. "
        "**s**: seconds in one process.",
        f"`python benchmarks/compression.py --seeds {chosen.seeds}`",
        table(head, rows),
        "Kinds of movies, as overrides of `configs/demo.yaml`:",
        "\n".join(f"- **{name}**: `{' '.join(MOVIES[name])}`" for name in names),
        versions(),
    ]
    write(chosen.out, "compression", page, chosen.quick)


if __name__ == "__main__":
    main()
