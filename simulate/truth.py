"""What a simulated movie holds, as the `DemixResult` that a perfect run would give."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult
from detectnmf.simulate.footprints import membership
from detectnmf.simulate.light import Exposure
from detectnmf.simulate.movie import Movie
from detectnmf.simulate.scene import Scene


def truth(scene: Scene, movie: Movie, exposure: Exposure) -> DemixResult:
    """baseline + footprints @ traces + background is the movie without noise and motion, in counts.

    Cells are those that can be seen: soma's centre in the frame, in focus, SNR above the threshold. The others (silent, out of
    focus, outside) are rendered all the same; their light is honest background: its mean in the baseline, the rest in the background.
    So is what a footprint that never changes cannot show of a cell that grows or moves. Traces include bleaching.

    `quality` holds snr, depth (µm), brightness. `history` holds, of the frames on disk: spikes (K, T), shifts (T, 2) px and
    shift_field (T, gy, gx, 2) where motion is not rigid, drift (T,), frames (T,) the moment that each shows, blank (T,); and
    noise (Y, X), the standard deviation at the mean light.
    """
    source, index, gain = movie.sources, movie.acquired.index, movie.camera.gain
    frame = _frame(scene, movie)
    footprints, traces, leftover = _cells(movie, frame)
    seen = exposure.seen
    spatial = [footprints[:, ~seen], sparse.csr_array(frame @ source.spatial), *leftover[:1]]
    temporal = [traces[~seen], source.temporal[:, index], *leftover[1:]]
    hum = movie.acquired.hum[index]
    if hum.size:
        rows = np.repeat(movie.acquired.pattern / gain, scene.size[1], axis=1)
        spatial.append(sparse.csr_array(rows.T))
        temporal.append(hum.T)
    drift = source.drift[index]
    if np.ptp(drift) > 0:
        spatial.append(sparse.csr_array((frame @ source.static)[:, None]))
        temporal.append(drift[None])
    courses = np.concatenate(temporal)
    means = courses.mean(axis=1)
    images = sparse.hstack(spatial, format="csr")
    # the drift's own image varies about the static light, which therefore counts once
    resting = (images @ means) + (0 if np.ptp(drift) > 0 else float(drift[0]) if len(drift) else 1.0) * (frame @ source.static)
    baseline = (movie.camera.offset + gain * resting).reshape(scene.size)
    level = frame @ (source.static * drift.mean() + source.footprints @ source.traces[:, index].mean(axis=1))
    shifts = movie.shifts[index]
    history = {
        "spikes": scene.activity.spikes[seen][:, index],
        "shifts": shifts.mean(axis=(1, 2)),
        "drift": drift.astype(np.float32),
        "frames": index,
        "blank": movie.acquired.blank,
        "noise": movie.camera.std(level).reshape(scene.size).astype(np.float32),
    }
    if shifts.shape[1] * shifts.shape[2] > 1:
        history["shift_field"] = shifts
    background = Compressed.from_factors(
        images,
        (gain * (courses - means[:, None])).astype(np.float32),
        np.zeros(scene.size, np.float32),
        rate=scene.rate,
        pixel_size=scene.pixel_size,
        name="simulated",
    )
    return DemixResult(
        cells=Components(footprints[:, seen], scene.size, gain * traces[seen]),
        baseline=baseline.astype(np.float32),
        background=background,
        quality={
            "snr": exposure.snr[seen].astype(np.float32),
            "depth": scene.positions[seen, 0].astype(np.float32),
            "brightness": scene.brightness[seen].astype(np.float32),
        },
        history=history,
        provenance={"kind": "truth", "seed": scene.seed},
        rate=scene.rate,
        pixel_size=scene.pixel_size,
        name="simulated",
    )


def _frame(scene: Scene, movie: Movie) -> sparse.csr_array:
    """(P of the frame, P of the field): the tissue at rest, seen through the illumination, in photons."""
    pixels = scene.pixels
    values = (movie.light * movie.profile).ravel().astype(np.float32)
    return sparse.csr_array((values, pixels, np.arange(len(pixels) + 1)), shape=(len(pixels), scene.field[0] * scene.field[1]))


def _cells(movie: Movie, frame: sparse.csr_array) -> tuple[sparse.csc_array, np.ndarray, list[Any]]:
    """(P, K) footprints with maximum 1, (K, T) traces in photons, and what single footprints leave: [] or [images, courses].

    A cell of several parts gets the footprint that explains most with the cell's own trace: Σ parts · <part, own> / <own, own>.
    """
    source, index = movie.sources, movie.acquired.index
    own = source.own[:, index]
    parts = source.traces[:, index]
    cells, lone = len(own), np.array_equal(own, parts)
    share = np.ones(len(parts)) if lone else _shares(parts, own, source.owner)
    footprints = sparse.csc_array(frame @ source.footprints @ membership(source.owner, cells, share), dtype=np.float32)
    peak = footprints.max(axis=0).toarray().ravel() if cells else np.zeros(0)
    scale = np.where(peak > 0, peak, 1).astype(np.float32)
    footprints = sparse.csc_array(footprints @ sparse.diags_array(1 / scale), dtype=np.float32) if cells else footprints
    leftover = [] if lone else [sparse.csr_array(frame @ source.footprints), parts - share[:, None] * own[source.owner]]
    return footprints, own * scale[:, None], leftover


def _shares(parts: np.ndarray, own: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """(S,) how much of its cell's trace each part shows, by least squares."""
    mine = own[owner]
    energy = (mine * mine).sum(axis=1)
    return np.asarray(np.maximum((parts * mine).sum(axis=1), 0) / np.where(energy > 0, energy, 1))


def summary(result: DemixResult, exposure: Exposure, drawn: int) -> dict[str, Any]:
    """What was reached, as plain numbers.

    cells, hidden (drawn but not counted), density (R_c: mean number of footprints covering a pixel), snr (median), overlap (median over
    cells of the largest cosine with another footprint), spikes (Hz, mean), noise (median over pixels, counts), light (photons per pixel
    and frame of the neuropil).
    """
    footprints = result.cells.footprints
    some = len(result.cells) > 0
    return {
        "cells": len(result.cells),
        "hidden": drawn - len(result.cells),
        "density": footprints.nnz / footprints.shape[0],
        "snr": float(np.median(result.quality["snr"])) if some else 0.0,
        "overlap": overlap(footprints),
        "spikes": float(result.history["spikes"].mean() * result.rate) if some else 0.0,
        "noise": float(np.median(result.history["noise"])),
        "light": exposure.light,
    }


def overlap(footprints: sparse.csc_array) -> float:
    """Median over the columns of (P, K) footprints of the largest cosine with another one; 0 for none."""
    if not footprints.shape[1]:
        return 0.0
    norms = np.sqrt(np.asarray(footprints.multiply(footprints).sum(axis=0)).ravel())
    unit = sparse.csc_array(footprints @ sparse.diags_array(1 / np.maximum(norms, 1e-12)))
    cosine = sparse.coo_array(unit.T @ unit)
    cosine.data[cosine.row == cosine.col] = 0
    return float(np.median(cosine.max(axis=1).toarray()))
