"""The preset cnmf beside masknmf and the oracle, where cells do not overlap much, and in neuropil.

    python benchmarks/cnmf.py [--quick] [--seeds 3] [--jobs 2] [--cache FILE]

Writes cnmf.md.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
from common import Case, oracle, score, versions
from pages import Mean, table, write
from runs import Row, Rows, options, run_all, understood
from trace_scores import autoregressive, estimates

from detectnmf.compress.whole import Whole
from detectnmf.demix.cnmf import noise_left
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

MOVIES = {
    "Bessel on black, R_c 0.3": ("experiment=bessel_density", "sim.density=0.3"),
    "Bessel on black, R_c 0.7": ("experiment=bessel_density", "sim.density=0.7"),
    "two-photon, somata": ("scene=default",),
    "two-photon, dendrites": ("experiment=two_photon", "scene=default"),
}
QUICK = ("sim.size=[64,64]", "sim.frames=400")
BELOW = 0.02  # at most, of recovery accuracy
NOISE, DECAY = 0.03, 0.02  # errors at most: of the noise, relative; of the coefficient
FIRST = 1000  # seed of what noise and decay are measured on
SHOWN = {"true": 1, "found": 1, "false": 1, "f1": 3, "recovery": 3, "raw": 3, "recovery_bright": 3, "f1_bright": 3, "seconds": 1}


def preset_scores(case: Case, changes: tuple[str, ...]) -> Row:
    return score(case.run(*changes), case.truth)


METHODS = {
    "oracle": oracle,
    "masknmf": partial(preset_scores, changes=("preset=masknmf",)),
    "cnmf": partial(preset_scores, changes=("preset=cnmf",)),
    "fast": partial(preset_scores, changes=("preset=fast",)),
}


def main() -> None:
    """Run what is missing, then write the page."""
    chosen = understood(options("cnmf", __doc__, seeds=3))
    movies = {name: (*movie, *(QUICK if chosen.quick else ())) for name, movie in list(MOVIES.items())[: 2 if chosen.quick else None]}
    rows = run_all(movies, chosen, METHODS)
    write(chosen.out, "cnmf", page(rows, list(movies), chosen), chosen.quick)


def estimated(quick: bool) -> list[Row]:
    """Errors of noise and coefficient of traces whose truth is known."""
    size = (20, 2000) if quick else (100, 10_000)
    known = [(g, snr) for g in (0.95, 0.9, 0.8) for snr in (3.0, 10.0)]
    return [{"true": g, "snr": snr, **estimates(autoregressive(*size, g, 0.01, snr, FIRST), snr, g)} for g, snr in known]


def shown(row: Row) -> list[str]:
    """A line of the table."""
    noise = f"{100 * row['noise']:+.1f} ± {100 * row['spread']:.1f} %", f"{100 * row['within']:.0f} %"
    return [f"{row['true']:g}", f"{row['snr']:g}", *noise, f"{row['g']:.4f}", f"{100 * row['g_within']:.0f} %"]


def pixels(frames: int, cells: int = 30, edge: int = 64) -> tuple[float, float, float]:
    """Mean, spread and share within 3 % of the relative errors of the pixels' noise."""
    rng = np.random.default_rng(FIRST)
    y, x = np.mgrid[:edge, :edge]
    images = np.stack([np.exp(-((y - row) ** 2 + (x - column) ** 2) / 18) for row, column in rng.uniform(4, edge - 4, (cells, 2))])
    std = rng.uniform(0.5, 2, (edge, edge))
    light = np.einsum("kyx,kt->tyx", images, 3 * autoregressive(cells, frames, 0.95, 0.01, 3.0, FIRST).c)
    movie = (100 + light + std * rng.standard_normal(light.shape)).astype(np.float32)
    runtime = Runtime(device="cpu", quiet=True)
    whole = Whole()(Recording(movie), runtime)
    error = noise_left(whole, runtime) * whole.std.ravel() / std.ravel() - 1
    return float(error.mean()), float(error.std()), float((np.abs(error) < NOISE).mean())


def page(rows: Rows[str], movies: list[str], chosen: argparse.Namespace) -> list[str]:
    """The parts of the page."""
    lines = [
        [movie, method, *(Mean.of(row.get(key) for row in rows[movie, method]).show(digits) for key, digits in SHOWN.items())]
        for movie in movies
        for method in METHODS
    ]
    reading = []
    for movie in movies:
        pairs = list(zip(rows[movie, "masknmf"], rows[movie, "cnmf"], strict=True))
        gap = Mean.of(one["recovery"] - other["recovery"] for one, other in pairs)
        verdict = "reached" if gap.value <= BELOW else "missed"
        reading.append(f"{movie}: recovery accuracy of cnmf is {gap.show(3, sign=True)} below masknmf (wanted at most {BELOW}): {verdict}.")
    told = estimated(quick=chosen.quick)
    worst = max(abs(row["noise"]) for row in told), max(row["g"] for row in told)
    for what, found, wanted in (("noise, mean error of the worst row", worst[0], NOISE), ("coefficient, median error", worst[1], DECAY)):
        reading.append(f"{what}: {found:.3f} (wanted at most {wanted}): {'reached' if found <= wanted else 'missed'}.")
    mean, spread, within = pixels(60 if chosen.quick else 3000)
    reading.append(f"noise of pixels, mean error: {mean:+.3f} (wanted at most {NOISE}): {'reached' if abs(mean) <= NOISE else 'missed'}.")
    kinds = "\n".join(f"- **{name}**: `{' '.join(MOVIES[name])}`" for name in movies)
    return [
        "# CNMF beside masknmf and the oracle",
        f"Mean ± standard error over {chosen.seeds} movies of seeds that nothing was chosen on; default settings throughout. What the "
        "scores mean stands in `density.md`; seconds are of the wall, without compression.",
        kinds,
        f"`python benchmarks/cnmf.py --seeds {chosen.seeds}`",
        table(["movie", "method", *SHOWN], lines),
        "## Noise and decay",
        "Of traces, as the temporal step takes them: AR(1) transients, spikes of height 1 at one frame of a hundred, 10,000 frames, white "
        f"noise of 1 / SNR, 100 traces a row; seed {FIRST}. Noise: mean error ± spread over traces; g: median error.",
        table(["g", "SNR", "noise", "traces within 3 %", "g, error", "traces within 0.02"], [shown(row) for row in told]),
        "Of pixels, as the spatial step takes them, in an uncompressed movie of such cells whose noise differs from pixel to pixel: "
        f"{100 * mean:+.2f} ± {100 * spread:.1f} %, {100 * within:.0f} % of the pixels within 3 %. Half of the spectrum of 3000 frames "
        "leaves a spread of 1.8 % by itself.",
        "## Reading",
        "\n".join(f"- {line}" for line in reading),
        versions(),
    ]


if __name__ == "__main__":
    main()
