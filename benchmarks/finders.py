"""Ways to find cells in a compressed movie, side by side, and how their seeds are scored.

A seed is a hit when it is paired, one-to-one, with a true cell whose footprint has a cosine of at least 0.5 with it (both in units of
noise), or whose mask an IoU of at least 0.5 (masks: above 0.2 of the footprint's maximum); as many pairs as possible are made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from common import DIAMETER, LEAST_SNR, Case, build, true_seeds
from runs import Row
from scipy.ndimage import gaussian_filter

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.detect.context import Views
from detectnmf.detect.select import Selection, select
from detectnmf.judge.match import NOBODY, assign, mask_overlap, spatial_cosine
from detectnmf.runtime import Runtime

ALIKE = 0.5
WINDOW = 1.25  # of the greedy finder, diameters to each side


def scores(found: Components, case: Case, least: float) -> Row:
    """Hits and false seeds; a seed of a true cell whose peak SNR is below `least` is neither."""
    truth, movie = case.truth, case.movie
    true = true_seeds(movie, truth)
    alike = np.maximum(spatial_cosine(true, found), mask_overlap(true, found).iou)
    snr = np.asarray(truth.quality["snr"])
    asked = snr >= least
    partner = assign(alike[asked], ALIKE)
    taken = partner[partner != NOBODY]
    rest = np.setdiff1d(np.arange(len(found)), taken)
    aside = assign(alike[~asked][:, rest], ALIKE)
    neither = rest[aside[aside != NOBODY]]
    right = np.isin(np.arange(len(found)), taken)
    counted = ~np.isin(np.arange(len(found)), neither)
    confidence = np.ones(len(found)) if found.score is None else np.asarray(found.score, float)
    return {
        "true": int(asked.sum()),
        "hits": len(taken),
        "false": int((counted & ~right).sum()),
        "snr": [round(float(v), 2) for v in snr[asked]],
        "found": [bool(v) for v in partner != NOBODY],
        "score": [round(float(v), 4) for v in confidence[counted]],
        "right": [bool(v) for v in right[counted]],
    }


def least_snr(case: Case) -> float:
    """All cells of movies on black are asked for, the bright ones of those with neuropil."""
    return LEAST_SNR if "experiment=two_photon" in case.overrides else 0.0


@dataclass(frozen=True)
class BySeeder:
    """A shipped seeder, alone, on the whole movie."""

    name: str

    def __call__(self, case: Case) -> Row:
        found = build(case.config, "seeder")[self.name](case.movie, Model.nothing(case.movie), DIAMETER, case.runtime)
        return scores(found, case, least_snr(case))


def greedy(case: Case) -> Row:
    """The greedy Gaussian start of CNMF (Pnevmatikakis 2016), told how many cells there are."""
    return scores(greedy_gaussian(case.movie, DIAMETER, len(case.truth.cells)), case, least_snr(case))


def greedy_gaussian(movie: Compressed, diameter: float, count: int) -> Components:
    """Where the movie, blurred to the size of a cell, has most energy, fit a rank-1 non-negative factor and take it out; `count` times."""
    frames = movie.frames(slice(None)).T.reshape(-1, *movie.size).cpu().numpy()
    frames = frames - np.median(frames, axis=0)
    sigma, reach = diameter / 4, round(WINDOW * diameter)
    blurred = gaussian_filter(frames, (0, sigma, sigma), truncate=3)
    energy = np.square(blurred).sum(0)
    footprints = []
    for _ in range(count):
        row, column = np.unravel_index(energy.argmax(), energy.shape)
        window = _window(row, column, reach, movie.size)
        part = frames[:, *window].reshape(len(frames), -1)
        trace = np.maximum(blurred[:, row, column], 0)
        for _ in range(5):
            image = np.maximum(part.T @ trace, 0) / max(float(trace @ trace), 1e-12)
            trace = np.maximum(part @ image, 0) / max(float(image @ image), 1e-12)
        frames[:, *window] -= np.outer(trace, image).reshape(frames[:, *window].shape)
        whole = np.zeros(movie.size, np.float32)
        whole[window] = image.reshape(whole[window].shape)
        footprints.append(whole)
        wide = _window(row, column, reach + round(6 * sigma), movie.size)
        again = _window(row, column, reach + round(3 * sigma), movie.size)
        inner = tuple(slice(a.start - w.start, a.stop - w.start) for a, w in zip(again, wide, strict=True))
        blurred[:, *again] = gaussian_filter(frames[:, *wide], (0, sigma, sigma), truncate=3)[:, *inner]
        energy[again] = np.square(blurred[:, *again]).sum(0)
        energy[row, column] = 0  # what is left there is no cell of this shape
    return Components.from_images(np.array(footprints, np.float32).reshape(-1, *movie.size))


def _window(row: int, column: int, reach: int, size: tuple[int, int]) -> tuple[slice, slice]:
    return slice(max(0, row - reach), min(size[0], row + reach + 1)), slice(max(0, column - reach), min(size[1], column + reach + 1))


@dataclass(frozen=True)
class BySelection:
    """The detector on frames chosen in one way or another; `shown` crops in all.

    Args:
        cover: as it is shipped, with `count` looks; else the `count` brightest frames of each patch.
    """

    cover: bool
    count: int

    def __call__(self, case: Case) -> Row:
        seeder = build(case.config, "seeder")["maskrcnn"]
        clear = seeder.sparsen(case.movie, case.runtime)
        selection = select(clear, DIAMETER, self.count, case.runtime)
        selection = selection if self.cover else brightest(clear, selection, DIAMETER, self.count)
        found = seeder.seeds(Views.of(clear, case.movie, case.runtime), selection, Model.nothing(case.movie), case.runtime)
        return {**scores(found, case, least_snr(case)), "shown": sum(len(frames) for frames in selection.frames)}


def brightest(clear: Compressed, tiles: Selection, diameter: float, count: int) -> Selection:
    """The `count` brightest frames of each local patch of 20 px for a soma of 12 (maskNMF), of neighbouring ones the brighter."""
    patch = max(2, round(5 / 3 * diameter))
    frames = clear.frames(slice(None)).T.reshape(-1, *clear.size).cpu().numpy()
    chosen: list[set[int]] = [set() for _ in tiles.frames]
    for row in range(0, clear.size[0], patch):
        for column in range(0, clear.size[1], patch):
            peak = frames[:, row : row + patch, column : column + patch].max((1, 2))
            lonely = peak > 0
            lonely[1:] &= peak[1:] >= peak[:-1]
            lonely[:-1] &= peak[:-1] > peak[1:]
            ranked = np.argsort(-np.where(lonely, peak, 0), kind="stable")[: min(count, int(lonely.sum()))]
            places = (min((at + patch // 2) // tiles.place, most - 1) for at, most in zip((row, column), tiles.tile_of.shape, strict=True))
            chosen[int(tiles.tile_of[*places])] |= {int(frame) for frame in ranked}
    return replace(tiles, frames=tuple(np.array(sorted(frames), int) for frames in chosen))


def speed(case: Case) -> Row:
    """Processor seconds, over all threads, of sparsening, choosing frames and detecting, once the network is loaded."""
    seeder = build(case.config, "seeder")["maskrcnn"]
    runtime = Runtime(device=case.device, quiet=True)
    nothing = Model.nothing(case.movie)
    short = replace(case.movie, V=case.movie.V[:, :200].contiguous(), bad_frames=None)
    seeder(short, Model.nothing(short), DIAMETER, runtime)  # loads the network
    start = time.process_time()
    clear = seeder.sparsen(case.movie, runtime)
    sparsened = time.process_time()
    selection = select(clear, DIAMETER, seeder.looks, runtime)
    views = Views.of(clear, case.movie, runtime)
    selected = time.process_time()
    seeder.seeds(views, selection, nothing, runtime)
    done = time.process_time()
    shown = sum(len(frames) for frames in selection.frames)
    return {
        "sparsen": sparsened - start,
        "select": selected - sparsened,
        "detect": done - selected,
        "shown": shown,
        "rate": shown / (done - selected),
    }
