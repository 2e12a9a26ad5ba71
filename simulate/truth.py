"""What a simulated movie holds, as the `DemixResult` that a perfect run would give."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult
from detectnmf.simulate.light import Exposure
from detectnmf.simulate.movie import Movie
from detectnmf.simulate.scene import Scene


def truth(scene: Scene, movie: Movie, exposure: Exposure) -> DemixResult:
    """baseline + footprints @ traces + background is the movie without noise, in counts.

    Cells are those that can be seen: soma's centre in the frame and SNR above the threshold. The others (silent, far out of focus,
    outside) are rendered all the same; their light is honest background: its mean in the baseline, the rest in the background.
    `quality` holds snr, depth (µm), brightness; `history["spikes"]` the (K, T) spikes.
    """
    gain = movie.camera.gain
    seen = exposure.seen
    footprints = sparse.csc_array(movie.footprints)
    hidden = movie.traces[~seen]
    mean = hidden.mean(axis=1, keepdims=True)
    spatial = sparse.hstack([sparse.csr_array(movie.spatial), footprints[:, ~seen]], format="csr")
    temporal = np.concatenate([movie.temporal, hidden - mean])
    baseline = movie.camera.offset + gain * (movie.baseline + footprints[:, ~seen] @ mean[:, 0])
    return DemixResult(
        cells=Components(footprints[:, seen], scene.size, gain * movie.traces[seen]),
        baseline=baseline.reshape(scene.size).astype(np.float32),
        background=Compressed.from_factors(
            spatial, gain * temporal, np.zeros(scene.size, np.float32), rate=scene.rate, pixel_size=scene.pixel_size, name="simulated"
        ),
        quality={
            "snr": exposure.snr[seen].astype(np.float32),
            "depth": scene.positions[seen, 0].astype(np.float32),
            "brightness": scene.brightness[seen].astype(np.float32),
        },
        history={"spikes": scene.activity.spikes[seen]},
        provenance={"kind": "truth", "seed": scene.seed},
        rate=scene.rate,
        pixel_size=scene.pixel_size,
        name="simulated",
    )


def summary(result: DemixResult, exposure: Exposure, drawn: int) -> dict[str, Any]:
    """What was reached, as plain numbers.

    cells, hidden (drawn but not counted), density (R_c: mean number of footprints covering a pixel), snr (median), overlap (median over
    cells of the largest cosine with another footprint), light (photons per pixel and frame of the neuropil).
    """
    footprints = result.cells.footprints
    norms = np.sqrt(np.asarray(footprints.multiply(footprints).sum(axis=0)).ravel())
    cosine = (footprints.T @ footprints).toarray() / np.maximum(norms[:, None] * norms, 1e-12)
    np.fill_diagonal(cosine, 0)
    return {
        "cells": len(result.cells),
        "hidden": drawn - len(result.cells),
        "density": footprints.nnz / footprints.shape[0],
        "snr": float(np.median(result.quality["snr"])) if len(result.cells) else 0.0,
        "overlap": float(np.median(cosine.max(axis=1))) if len(result.cells) else 0.0,
        "light": exposure.light,
    }
