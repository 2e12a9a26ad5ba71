"""A result whose parts are known: four drawn cells, a background pattern, and a little that nobody explains."""

import numpy as np
import pytest
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult
from detectnmf.signals import Signals

STD = 2.0


@pytest.fixture(scope="session")
def parts(toy):
    """(A (P, 4), C (4, T), haze (P, 1), drift (1, T), rest (P, 3), flicker (3, T)), all in counts."""
    rng = np.random.default_rng(5)
    pixels, frames = toy.truth.footprints.shape[0], toy.truth.traces.shape[1]
    haze = 0.5 + rng.random((pixels, 1))
    drift = np.sin(np.arange(frames) / 25)[None]
    return toy.truth.footprints.toarray(), toy.truth.traces, haze, drift, rng.normal(size=(pixels, 3)), 0.3 * rng.normal(size=(3, frames))


@pytest.fixture(scope="session")
def result(toy, parts):
    A, C, haze, drift, rest, flicker = parts
    size = toy.truth.size
    spatial, temporal = np.hstack([A, haze, rest]) / STD, np.vstack([C, drift, flicker])
    temporal = temporal - temporal.mean(axis=1, keepdims=True)
    mean = (100 + A @ C.mean(axis=1)).reshape(size)
    std = np.full(size, STD, np.float32)
    known = {"std": std, "rate": 10.0, "pixel_size": 2.0, "rank_map": np.full(size, 7), "bad_pixels": np.zeros(size, bool)}
    movie = Compressed.from_factors(sparse.csr_array(spatial), temporal, mean, **known)
    background = Compressed.from_factors(haze / STD, drift - drift.mean(), np.zeros(size), std=std)
    quality = {
        "snr": np.array([12.5, 3.25, 8.0, 20.0]),
        "residual_correlation": np.array([0.9, 0.3, 0.7, 0.95]),
        "area": np.array([16.0, 27.0, 20.0, 16.0]),
        "probability": np.array([0.99, 0.76, 0.95, 1.0]),
        "reason": np.array(["ok", "ok", "ok", "ok"]),
    }
    corners = np.zeros((2, *size), np.float32)
    corners[0, 16:, :4] = corners[1, :3, 28:] = 1  # where no cell is
    rejected = Components.from_images(corners, np.zeros((2, len(movie)), np.float32))
    rejected_quality = {
        "snr": np.array([2.5, 9.0]),
        "residual_correlation": np.array([0.4, 0.5]),
        "area": np.array([16.0, 12.0]),
        "probability": np.array([0.11, 0.15]),
        "reason": np.array(["probability+snr", "probability"]),
    }
    provenance = {
        "version": "0.1.0",
        "seed": 3,
        "device": "cpu",
        "input": "somewhere/<toy> & co.tif",
        "timings": {"compress": 61.0, "demix": 30.0},
        "notes": ["rate was not given: 10 Hz assumed", "3 < 4 pixels masked"],
        "diameter": 5.5,
        "peak_memory": 1.5e9,
        "config": {
            "judge": {
                "fdr": 0.05,
                "min_probability": 0.2,
                "min_snr": 3.0,
                "min_residual_correlation": 0.2,
                "min_area": 0.1,
                "max_area": 10.0,
            },
            "list": [1, {"a": None}],
        },
    }
    history = {"objective": np.array([9.0, 4.0, 3.0])}
    baseline, name = np.full(size, 100, np.float32), "toy <movie>"
    return DemixResult(toy.truth, baseline, background, movie, quality, history, provenance, 10.0, 2.0, name, rejected, rejected_quality)


@pytest.fixture(scope="session")
def signals(result):
    """Denoised traces that are the true ones, on raw ones that rest at 5; every jump a spike."""
    C = np.asarray(result.cells.traces, np.float32)
    raw = C + 5 + np.random.default_rng(2).standard_normal(C.shape).astype(np.float32)
    spikes = np.maximum(np.diff(C, axis=1, prepend=0), 0)
    full, ok = np.ones_like(C), np.array(["ok"] * len(C))
    return Signals(raw, 100 * full, raw / 100, C, spikes, full[:, 0], 0.9 * full[:, :1], ok, np.ones(C.shape[1], bool))
