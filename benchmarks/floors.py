"""What each stage must do at the very least, and how fast this machine does such things.

floor = bytes / (memory bandwidth) + floating point operations / (rate of a matrix product), both measured at the start. Nothing of it
counts what a particular implementation does besides: it is a bound that no code reaches, a yardstick.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.recording import Recording

FLOAT = 4  # bytes
SIDE, LARGE = 3072, 2**28  # of the matrices; floats in a gigabyte
BLOCK, DIRECTIONS = 24, 40  # px, edge of a compressed block that overlaps its neighbours by half; directions looked for in each
BINNED = 512  # time points that the ring's weights need


@dataclass(frozen=True)
class Machine:
    """Measured rates: memory in bytes/s, matrix products in FLOP/s (a multiply-add is two)."""

    bandwidth: float
    single: float
    half: float  # bfloat16
    threads: int

    @classmethod
    def measured(cls, device: str) -> Machine:
        long = torch.ones(LARGE, device=device)
        rates = {}
        for kind in (torch.float32, torch.bfloat16):
            square = torch.ones(SIDE, SIDE, device=device, dtype=kind)
            rates[kind] = 2 * SIDE**3 / best(lambda square=square: square @ square, device)
        bandwidth = FLOAT * LARGE / best(lambda: long.sum(), device)
        return cls(bandwidth, rates[torch.float32], max(rates.values()), torch.get_num_threads())

    def __str__(self) -> str:
        return (
            f"memory {self.bandwidth / 1e9:.1f} GB/s, float32 products {self.single / 1e9:.0f} GFLOP/s, bfloat16 "
            f"{self.half / 1e9:.0f} GFLOP/s, {self.threads} threads"
        )


def best(work: Callable[[], object], device: str, repeats: int = 4) -> float:
    """Seconds of the fastest run."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        synchronise(device)
        found.append(time.perf_counter() - start)
    return min(found)


def synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


@dataclass(frozen=True)
class Work:
    """Bytes to move and operations to do; `half`: those of a network, which may run in bfloat16."""

    bytes: float
    flop: float = 0.0
    half: float = 0.0


# For the page. nnz(X) is the number of entries of X that are not zero, s the sweeps of HALS within an iteration.
FORMULAS = {
    "compress": (
        "2·P·T·(bytes of a sample)",
        f"4·N·n·{DIRECTIONS}·T",
        f"the movie read twice; two products of each of N half-overlapping blocks of n = {BLOCK}×{BLOCK} px with {DIRECTIONS} directions: "
        "one to find them, one for their time courses",
    ),
    "sparsen": ("4·T·(2R + P)", "2·T·(nnz(U) + nnz(U_local))", "to pixels, once over each pixel's trace for the threshold, back to bases"),
    "detect": ("8·R·T", "counted", "the network's convolutions and products on the crops that it is shown, at the rate of bfloat16"),
    "superpixels": ("4·T·(R + P)", "2·T·(nnz(U) + 4P)", "to pixels, once over each trace for the gate, four products with neighbours"),
    "demix": (
        "25·4·T·(2R + 2(1 + s)K)",
        "25·2·T·(2nnz(AᵀU) + (1 + s)nnz(AᵀA))",
        "in each iteration V on the traces and on the footprints that a basis meets, and s sweeps over cells that share a pixel",
    ),
    "background": (
        "8·R·T",
        "2·T'·(nnz(U) + 3P) + 2·T·nnz(UᵀU)",
        "a regression a pixel on T' averages; B from bases that share a pixel",
    ),
    "judge": ("4·T·(R + 2K)", "2·T·(nnz(AᵀU) + nnz(AᵀA) + nnz(UᵀU)/2)", "raw traces, and products over time of bases that share a pixel"),
    "traces": (
        "4·T·(R + 4K)",
        "2·T·(nnz(AᵀU) + nnz(AᵀA)) + 5·K·T·log₂T",
        "raw traces, a Fourier transform of each for its noise, and three more of each to write",
    ),
}


def works(recording: Recording, movie: Compressed, cells: Components, iterations: int, sweeps: int, network: float) -> dict[str, Work]:
    """The least work of each stage.

    Args:
        cells: the true ones, whose footprints say who meets whom.
        iterations, sweeps: of demixing. network: floating point operations of the detector.
    """
    T, P, R, K = len(movie), movie.U.shape[0], movie.rank, len(cells)
    U = movie.U.csr
    meets = pattern(cells.footprints.T, U)
    shares = pattern(cells.footprints.T, cells.footprints)
    bases = pattern(U.T, U)
    blocks = math.prod([max(1, -(-(size - BLOCK) // (BLOCK // 2)) + 1) for size in movie.size])
    inside = math.prod([min(BLOCK, size) for size in movie.size])
    few = T // max(1, T // BINNED)
    local = U.nnz if movie.U_local is None else movie.U_local.nnz
    return {
        "compress": Work(2 * P * T * recording.dtype.itemsize, 4 * blocks * inside * DIRECTIONS * T),
        "sparsen": Work(FLOAT * T * (2 * R + P), 2 * T * (U.nnz + local)),
        "detect": Work(2 * FLOAT * R * T, half=network),
        "superpixels": Work(FLOAT * T * (R + P), 2 * T * (U.nnz + 4 * P)),
        "demix": Work(iterations * FLOAT * T * (2 * R + 2 * (1 + sweeps) * K), iterations * 2 * T * (2 * meets + (1 + sweeps) * shares)),
        "background": Work(2 * FLOAT * R * T, 2 * few * (U.nnz + 3 * P) + 2 * T * bases),
        "judge": Work(FLOAT * T * (R + 2 * K), 2 * T * (meets + shares + bases / 2)),
        "traces": Work(FLOAT * T * (R + 4 * K), 2 * T * (meets + shares) + 5 * K * T * math.log2(T)),
    }


def pattern(one: sparse.sparray, other: sparse.sparray) -> int:
    """Number of entries of a product that can differ from zero."""
    binary = [sparse.csr_array(matrix, dtype=np.float32, copy=True) for matrix in (one, other)]
    for matrix in binary:
        matrix.data[:] = 1
    return int((binary[0] @ binary[1]).nnz)


def exponent(x: list[float], seconds: list[float]) -> tuple[float, float]:
    """e of seconds = const · x^e by least squares of the logarithms, and its standard error (NaN for two points)."""
    a, b = np.log(x), np.log(seconds)
    a, b = a - a.mean(), b - b.mean()
    slope = float(a @ b / (a @ a))
    error = float(np.sqrt(((b - slope * a) ** 2).sum() / (len(a) - 2) / (a @ a))) if len(a) > 2 else float("nan")
    return slope, error
