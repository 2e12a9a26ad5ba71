"""Real and simulated movies side by side: python docs/side_by_side.py FOLDER_OF_RECORDINGS [NAME ...]

Simulates movies like each recording (`experiment=NAME`, seeds 0, 1, 2), draws the recording and the first of them on the same scales into
docs/images/side_by_side_NAME.png, and prints what is measured of all; docs/side_by_side.md shows both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import ndimage

import detectnmf

REAL, SIMULATED = "#1f2d33", "#c2410c"
TRACES = 6
SEEDS = 3  # simulated movies behind the numbers; the first is drawn


def unchanged(movie: np.ndarray) -> np.ndarray:
    """As recorded."""
    return movie


def preprocessed(movie: np.ndarray) -> np.ndarray:
    """As the miniscope recording was: lowest values taken away, median filter (its noise tells the 7 px), then a top-hat; whole counts."""
    clean = [ndimage.median_filter(frame, size=7) for frame in movie - movie.min(axis=0)]
    return np.stack([ndimage.white_tophat(frame, size=27) for frame in clean])


@dataclass(frozen=True)
class Pair:
    """A recording, and what is done to compare it with the movie of the experiment of the same name.

    Args:
        file: name of the recording without .tif.
        crop: rows and columns of the recording that are compared.
        both: the simulated movie is cropped, too.
        process: what was done to the recording after it was taken, to be done to the simulated movie.
    """

    file: str
    crop: tuple[slice, slice] = (slice(None), slice(None))
    both: bool = False
    process: Callable[[np.ndarray], np.ndarray] = unchanged


PAIRS: Mapping[str, Pair] = {
    "fly": Pair("two-photon-fly", crop=(slice(78, 168), slice(100, 240))),
    "mouse_wide": Pair("two-photon-mouse", crop=(slice(3, 62), slice(None)), both=True),
    "zebrafish_wide": Pair("zebrafish-light-sheet", crop=(slice(54, 75), slice(20, 60))),
    "one_photon": Pair("miniscope-moving", process=preprocessed),
    "one_photon_wide": Pair("one-photon-raw"),
}


def simulate(experiment: str, seed: int, *overrides: str) -> np.ndarray:
    """(T, Y, X) counts: what `detectnmf simulate out.tif experiment=... seed=...` writes."""
    with initialize_config_module("detectnmf.configs", version_base="1.3"):
        config = compose("simulate", overrides=["out=movie.tif", f"experiment={experiment}", *overrides])
        simulator = instantiate(config.sim, _convert_="all")
    return np.asarray(simulator(np.random.default_rng(seed)).recording[:])


def smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blurred."""
    return np.asarray(ndimage.gaussian_filter(image, sigma))


def spectrum(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cycles per pixel, and the power there relative to the squared mean: averaged over directions, ends windowed."""
    window = np.multiply.outer(*(np.hanning(edge + 2)[1:-1] for edge in image.shape))
    power = np.abs(np.fft.fft2((image / image.mean() - 1) * window)) ** 2 / (window**2).sum()
    frequency = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1]))
    edges = np.linspace(0, 0.5, min(image.shape) // 2 + 1)
    place = np.digitize(frequency.ravel(), edges[1:-1])
    inside = (frequency.ravel() > 0) & (frequency.ravel() <= 0.5)
    n = np.bincount(place[inside], minlength=len(edges) - 1)
    mean = np.bincount(place[inside], power.ravel()[inside], minlength=len(edges) - 1) / np.maximum(n, 1)
    return ((edges[1:] + edges[:-1]) / 2)[n > 0], mean[n > 0]


@dataclass(frozen=True)
class Measured:
    """A movie in numbers; `curves` hold x and y of each graph."""

    numbers: dict[str, float]
    curves: dict[str, tuple[np.ndarray, np.ndarray]] = field(repr=False)


def autocorrelation(traces: np.ndarray, lags: int) -> np.ndarray:
    """(lags + 1,) of (n, T) traces, averaged; lag 0 is left to the noise: it holds what lags 1 and 2 lead to."""
    traces = traces - traces.mean(axis=1, keepdims=True)
    sums = np.array([(traces[:, : traces.shape[1] - lag] * traces[:, lag:]).mean(axis=1) for lag in range(lags + 1)])
    free = np.maximum(2 * sums[1] - sums[2], 1e-9)  # the variance without noise
    return np.concatenate([[1.0], np.clip(sums[1:] / free, -2, 2).mean(axis=1)])


def measure(movie: np.ndarray) -> Measured:
    """Of (T, Y, X) counts. The noise is told from steps between frames."""
    movie = movie.astype(np.float32)
    frames = len(movie)
    mean, sd = movie.mean(axis=0), movie.std(axis=0)
    noise = np.sqrt((np.diff(movie, axis=0) ** 2).mean(axis=0) / 2)
    level = mean.mean()
    centred = (movie - mean) / np.maximum(sd, 1e-6)
    beside = np.concatenate(
        [(centred[:, 1:] * centred[:, :-1]).mean(axis=0).ravel(), (centred[:, :, 1:] * centred[:, :, :-1]).mean(axis=0).ravel()]
    )
    skew = (centred**3).mean(axis=0).ravel()
    lively = np.sqrt(np.maximum(sd**2 - noise**2, 0)) / level
    bright = np.argsort(-lively.ravel())[: max(8, lively.size // 50)]
    traces = movie.reshape(frames, -1).T
    lags = min(frames // 3, 120)
    together = autocorrelation(traces[bright], lags)
    half = np.flatnonzero(together < 0.5)
    numbers = {
        "mean (counts)": level,
        "mean image: SD over space": mean.std() / level,
        "mean image: finer than about 8 px": (mean - smooth(mean, 2)).std() / level,
        "SD over time, median pixel": float(np.median(sd)) / level,
        "noise, median pixel": float(np.median(noise)) / level,
        "mean over the field: SD over time": movie.mean(axis=(1, 2)).std() / level,
        "fluctuation beyond noise, median pixel": float(np.median(lively)),
        "fluctuation beyond noise, 95 % of pixels": float(np.percentile(lively, 95)),
        "fluctuation beyond noise, 99.5 % of pixels": float(np.percentile(lively, 99.5)),
        "correlation of neighbouring pixels, median": float(np.median(beside)),
        "half decay of the liveliest pixels (frames)": float(half[0]) if len(half) else float(lags),
        "skewness, median pixel": float(np.median(skew)),
        "skewness, 95 % of pixels": float(np.percentile(skew, 95)),
        **{f"values of frames, {q:g} %": float(np.percentile(movie, q)) / level for q in (1, 50, 99, 99.9)},
    }
    low, high = np.percentile(movie, (0.02, 99.98))
    edges = np.arange(low - 0.5, high + 1, max(1.0, np.ceil((high - low) / 80)))  # each bin holds as many whole counts
    count, _ = np.histogram(movie, bins=edges, density=True)
    curves = {
        "power of the mean image (cycles per px)": spectrum(mean),
        "power of the SD image (cycles per px)": spectrum(sd),
        "values of frames": ((edges[1:] + edges[:-1]) / 2, np.maximum(count, count[count > 0].min())),
        "autocorrelation, brightest pixels (frames)": (np.arange(lags + 1), together),
        "skewness of pixels, sorted": (np.linspace(0, 1, 101), np.percentile(skew, np.arange(101))),
    }
    return Measured(numbers, curves)


def spots(movie: np.ndarray, n: int) -> list[tuple[int, int]]:
    """Places whose traces are shown: from the liveliest local maximum down to the 30th."""
    movie = movie.astype(np.float32)
    lively = smooth(movie.var(axis=0) - (np.diff(movie, axis=0) ** 2).mean(axis=0) / 2, 0.7)
    apart = max(3, min(lively.shape) // 12)
    peak = (lively == ndimage.maximum_filter(lively, size=apart)) & (lively > 0)
    y, x = np.nonzero(peak)
    order = np.argsort(-lively[y, x])[:30]
    chosen = order[np.unique(np.linspace(0, len(order) - 1, n).astype(int))]
    return list(zip(y[chosen].tolist(), x[chosen].tolist(), strict=True))


def trace(movie: np.ndarray, y: int, x: int) -> np.ndarray:
    """(T,) mean of 3 x 3 px, relative to its median."""
    around = movie[:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].astype(float).mean(axis=(1, 2))
    return np.asarray(around - np.median(around))


def picture(axes: Axes, image: np.ndarray, ends: tuple[float, float]) -> None:
    axes.imshow(image, cmap="gray", vmin=ends[0], vmax=ends[1], interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def draw(real: np.ndarray, simulated: np.ndarray, measured: tuple[Measured, Measured], out: Path) -> None:
    """Two rows of pictures on the same grey scales, and the curves of both."""
    views: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "mean": lambda movie: movie.mean(axis=0),
        "maximum": lambda movie: movie.max(axis=0),
        "SD over time": lambda movie: movie.std(axis=0),
        "one frame": lambda movie: movie[len(movie) // 2],
    }
    high, wide = real.shape[1:]
    ratio = high / wide
    width = 2.6 if ratio > 0.7 else 3.4
    figure = Figure(figsize=(4 * width + 3.2, 2 * width * ratio + 2.7), dpi=80, facecolor="white")
    FigureCanvasAgg(figure)
    outer = figure.add_gridspec(2, 1, height_ratios=[2 * width * ratio, 1.9], hspace=0.16, left=0.03, right=0.99, top=0.94, bottom=0.07)
    grid = outer[0].subgridspec(2, 5, width_ratios=[width] * 4 + [2.9], wspace=0.04, hspace=0.04)
    span = None
    for row, (movie, what, colour) in enumerate(((real, "real", REAL), (simulated, "simulated", SIMULATED))):
        for column, (title, view) in enumerate(views.items()):
            axes = figure.add_subplot(grid[row, column])
            shown = real if title == "one frame" else view(real)  # one frame may be a quiet one
            ends = np.percentile(shown, (0.5, 99.7))
            picture(axes, view(movie), (float(ends[0]), float(ends[1])))
            if row == 0:
                axes.set_title(title, fontsize=10, color=REAL)
            if column == 0:
                axes.set_ylabel(what, fontsize=11, color=colour)
        axes = figure.add_subplot(grid[row, 4])
        lines = [trace(movie, y, x) for y, x in spots(movie, TRACES)]
        span = span or float(np.ptp(np.concatenate(lines))) * 0.6
        for k, line in enumerate(lines):
            axes.plot(line / span - 0.55 * k, color=colour, lw=0.7)
        axes.set_ylim(-0.55 * TRACES + 0.2, 1.1)
        axes.set_axis_off()
        if row == 0:
            axes.set_title("traces of pixels, most to less lively", fontsize=10, color=REAL)
    below = outer[1].subgridspec(1, 5, wspace=0.28)
    for column, title in enumerate(measured[0].curves):
        axes = figure.add_subplot(below[column])
        for one, colour in zip(measured, (REAL, SIMULATED), strict=True):
            axes.plot(*one.curves[title], color=colour, lw=1.2)
        if title.startswith(("power", "values")):
            axes.set_yscale("log")
        axes.set_title(title, fontsize=8, color=REAL)
        axes.tick_params(labelsize=6)
    figure.savefig(out, pil_kwargs={"optimize": True})


def table(pairs: Mapping[str, tuple[Measured, list[Measured]]]) -> str:
    """Markdown: one row for each number, one column for each pair: real · simulated, mean (lowest…highest) over the seeds."""
    lines = [f"| | {' | '.join(f'`{name}`' for name in pairs)} |", f"|---|{'---|' * len(pairs)}"]
    for key in next(iter(pairs.values()))[0].numbers:
        cells = []
        for real, simulated in pairs.values():
            others = [one.numbers[key] for one in simulated]
            first, mean, low, high = (
                f"{v:.0f}" if v >= 100 else f"{v:.2g}" for v in (real.numbers[key], np.mean(others), min(others), max(others))
            )
            cells.append(f"{first} · {mean} ({low}…{high})")
        lines.append(f"| {key} | {' | '.join(cells)} |")
    return "\n".join(lines)


def compare(name: str, folder: Path, images: Path, seeds: int = SEEDS, overrides: tuple[str, ...] = ()) -> tuple[Measured, list[Measured]]:
    """One pair: the picture drawn, the recording and the simulated movies measured."""
    pair = PAIRS[name]
    rows, columns = pair.crop
    real = np.asarray(detectnmf.read(folder / f"{pair.file}.tif")[:])[:, rows, columns]
    movies = [pair.process(simulate(name, seed, *overrides)) for seed in range(seeds)]
    if pair.both:
        movies = [movie[:, rows, columns] for movie in movies]
    measured = measure(real), [measure(movie) for movie in movies]
    draw(real, movies[0], (measured[0], measured[1][0]), images / f"side_by_side_{name}.png")
    return measured


if __name__ == "__main__":
    here = Path(__file__).resolve().parent / "images"
    print(table({name: compare(name, Path(sys.argv[1]), here) for name in sys.argv[2:] or PAIRS}))  # noqa: T201
