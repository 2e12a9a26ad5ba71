"""`Judge`: measures every component, says how probably it is a cell, which to keep, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.footprints import area
from detectnmf.judge import measures
from detectnmf.judge.agreement import agreement
from detectnmf.judge.crosstalk import crosstalk, touching
from detectnmf.judge.cut import keep_by_fdr
from detectnmf.judge.probability import load
from detectnmf.judge.tiles import tiles
from detectnmf.runtime import Runtime
from detectnmf.traces.levels import noise_level

OK = "ok"
TRACES_AT_ONCE = 10  # copies of a trace that a batch needs


@dataclass(frozen=True)
class Judged:
    """One (K,) array for each measure, and the verdict.

    Args:
        quality: probability, snr, residual_correlation, explained_variance, compactness, area (px), overlap, crosstalk, skewness,
            detector_score, noise (units of noise), and reason: "ok", or the failed tests joined by "+" (docs/quality.md).
        keep: (K,) True where every test is passed.
    """

    quality: dict[str, np.ndarray]
    keep: np.ndarray


@dataclass(frozen=True)
class Judge:
    """Keeps as many components as it can while the expected share of false ones among them stays below `fdr`.

    Args:
        fdr: highest expected share of kept components that are no cells; 1 keeps all that pass the other tests.
        min_probability: lowest probability of a kept component, however sure the others are.
        calibration: where the probability comes from: a shipped calibration, or a file made by `benchmarks/calibrate.py`.
        min_snr: lowest robust peak of the trace over its noise. The noise is what flickers in the raw trace, and never less than
            white noise of the recording leaves at this footprint, 1/‖a‖: a denoised movie must not look better than its source.
        min_residual_correlation: lowest correlation of the trace with the movie minus all other cells and the background.
        min_area, max_area: bounds on the area, in discs of the cell diameter.
    """

    fdr: float = 0.1
    min_probability: float = 0.2
    calibration: str = "judge"
    min_snr: float = 3.0
    min_residual_correlation: float = 0.1
    min_area: float = 0.05
    max_area: float = 10.0

    def __post_init__(self) -> None:
        for name in ("fdr", "min_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"judge.{name} must be from 0 to 1, got {getattr(self, name)}")
        if not 0 <= self.min_area < self.max_area:
            raise UserError(f"judge.min_area={self.min_area} must be at least 0 and below judge.max_area={self.max_area}")
        load(self.calibration)  # a mistake in it need not wait for the movie

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Judged:
        """Measure all components of the model; diameter in px."""
        footprints = sparse.csc_array(model.A.csr, copy=True)
        footprints.eliminate_zeros()
        shapes = sparse.csc_array(sparse.diags_array(movie.std.ravel()) @ footprints)  # as they are shown
        agrees = agreement(movie, model, runtime)
        quality = {
            **_traces(movie, model, footprints, runtime),
            "residual_correlation": agrees.correlation,
            "explained_variance": agrees.explained,
            "compactness": measures.compactness(shapes, movie.size),
            "area": area(shapes),
            "overlap": measures.overlap(shapes),
            "detector_score": model.score.cpu().numpy().astype(np.float64),
        }
        quality = {"probability": load(self.calibration)(quality, diameter), **quality}
        reason = self._reasons(quality, diameter)
        return Judged({**{name: values.astype(np.float32) for name, values in quality.items()}, "reason": reason}, reason == OK)

    def _reasons(self, quality: dict[str, np.ndarray], diameter: float) -> np.ndarray:
        discs = quality["area"] / (np.pi * diameter**2 / 4)
        failed = {
            "snr": ~(quality["snr"] >= self.min_snr),  # NaN fails
            "residual_correlation": ~(quality["residual_correlation"] >= self.min_residual_correlation),
            "small": discs < self.min_area,
            "large": discs > self.max_area,
        }
        passed = ~np.any(list(failed.values()), axis=0) & (quality["probability"] >= self.min_probability)
        sure = quality["probability"][passed]
        cut = keep_by_fdr(sure, self.fdr)
        level = self.min_probability if cut.all() else sure[cut].min() if cut.any() else 2.0
        failed = {"probability": ~(quality["probability"] >= level), **failed}
        words = ["+".join(name for name, where in failed.items() if where[k]) for k in range(len(discs))]
        return np.array([word or OK for word in words], dtype=np.str_)


def _traces(movie: Compressed, model: Model, footprints: sparse.csc_array, runtime: Runtime) -> dict[str, np.ndarray]:
    """What traces say, a tile of the field at a time."""
    energy = np.asarray(footprints.power(2).sum(axis=0), np.float64).ravel()
    noise = 1 / np.sqrt(np.maximum(energy, 1e-12))  # what white noise leaves at this footprint
    peak, skewness, mixed = np.zeros(len(model)), np.zeros(len(model)), np.zeros(len(model))
    graph = touching(footprints, movie.size)
    for cells in tiles(footprints, movie.size, most=runtime.batch(TRACES_AT_ONCE * 4 * len(movie))):
        raw = measures.raw_traces(movie, model, cells, footprints)
        noise[cells] = np.maximum(noise[cells], noise_level(raw).cpu().numpy())
        peak[cells] = measures.robust_peak(model.C[torch.from_numpy(cells).to(movie.device)]).cpu().numpy()
        skewness[cells] = measures.skewness(raw).cpu().numpy()
        mixed[cells] = crosstalk(raw, cells, model.C, graph)
    return {"snr": peak / noise, "noise": noise, "skewness": skewness, "crosstalk": mixed}
