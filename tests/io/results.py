"""A small result whose every value is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult
from detectnmf.signals import Signals
from detectnmf.sparse import SparseMatrix

Y, X, T, R, K = 9, 7, 40, 6, 3


def compressed(seed: int) -> Compressed:
    rng = np.random.default_rng(seed)

    def bases():
        return SparseMatrix(sparse.random_array((Y * X, R), density=0.3, rng=rng, format="csr"))

    return Compressed(
        U=bases(),
        V=torch.from_numpy(rng.standard_normal((R, T)).astype(np.float32)),
        mean=rng.random((Y, X)).astype(np.float32),
        std=rng.random((Y, X)).astype(np.float32),
        U_local=bases(),
        bad_frames=rng.random(T) < 0.2,
        bad_pixels=rng.random((Y, X)) < 0.2,
        rank_map=rng.integers(0, 9, (Y, X)),
        rate=7.3,
        pixel_size=0.44,
        name="móvie",
    )


def small_result() -> DemixResult:
    rng = np.random.default_rng(1)
    movie = compressed(2)
    images = rng.random((K, Y, X)) * (rng.random((K, Y, X)) < 0.4)
    cells = Components.from_images(images, rng.standard_normal((K, T)).astype(np.float32), rng.random(K))
    return DemixResult(
        cells=cells,
        baseline=rng.random((Y, X)).astype(np.float32),
        background=replace(movie.with_V(2 * movie.V), mean=np.zeros((Y, X), np.float32)),
        movie=movie,
        quality={
            "snr": rng.random(K),
            "keep": np.array([True, False, True]),
            "class": np.array(["soma", "dendrite", "µ"]),
            "a/b": np.arange(K),
        },
        history={"objective": rng.random(12), "cells": np.arange(12), "nothing": np.zeros(0)},
        provenance={"version": "0.1.0", "config": {"demix": {"rounds": 3}}, "seed": 0, "notes": ["one", "two"], "elapsed": 0.1},
        rate=7.3,
        pixel_size=0.44,
        name="móvie",
        rejected=Components.from_images(rng.random((2, Y, X)), rng.standard_normal((2, T)).astype(np.float32), rng.random(2)),
        rejected_quality={"snr": rng.random(2), "reason": np.array(["probability", "probability+snr"])},
        signals=Signals(
            **{name: rng.standard_normal((K, T)).astype(np.float32) for name in ("raw", "baseline", "dff", "denoised")},
            spikes=(rng.random((K, T)) * (rng.random((K, T)) < 0.1)).astype(np.float32),
            noise=rng.random(K).astype(np.float32),
            g=rng.random((K, 2)),
            flag=np.array(["ok", "silent", "flat+low_baseline"]),
            valid=rng.random(T) < 0.9,
            method={"decay": 0.4, "rise": None, "baseline": "8th percentile"},
        ),
    )
