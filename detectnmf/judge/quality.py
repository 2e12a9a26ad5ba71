"""`Judge`: measures every cell and says which to keep, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.judge import measures
from detectnmf.runtime import Runtime

OK = b"ok"
TRACES_AT_ONCE = 8  # copies of a trace that a batch needs


@dataclass(frozen=True)
class Judged:
    """One (K,) array for each measure, and the verdict.

    Args:
        quality: snr, residual_correlation, explained_variance, compactness, area (px), overlap, detector_score, noise (units of
            noise), and reason: b"ok", or the failed tests joined by "+".
        keep: (K,) True where every test is passed.
    """

    quality: dict[str, np.ndarray]
    keep: np.ndarray


@dataclass(frozen=True)
class Judge:
    """Keeps a cell whose trace stands above its noise, agrees with the movie, and whose area is plausible.

    Args:
        min_snr: lowest robust peak of the trace over its noise. The noise is what flickers in the raw trace, and never less than
            white noise of the recording leaves at this footprint, 1/‖a‖: a denoised movie must not look better than its source.
        min_residual_correlation: lowest correlation of the trace with the movie minus all other cells and the background.
        min_area, max_area: bounds on the area, in disks of the cell diameter.
    """

    min_snr: float = 6.0
    min_residual_correlation: float = 0.2
    min_area: float = 0.1
    max_area: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_area < self.max_area:
            raise UserError(f"judge.min_area={self.min_area} must be at least 0 and below judge.max_area={self.max_area}")

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Judged:
        """Measure all cells of the model; diameter in px."""
        footprints = sparse.csc_array(model.A.csr, copy=True)
        footprints.eliminate_zeros()
        quality = {
            **_brightness(movie, model, runtime),
            **_agreement(movie, model, footprints, runtime),
            "compactness": measures.compactness(footprints, movie.size),
            "area": measures.area(footprints),
            "overlap": measures.overlap(footprints),
            "detector_score": model.score.cpu().numpy().astype(np.float64),
        }
        reason = self._reasons(quality, diameter)
        return Judged({**{name: values.astype(np.float32) for name, values in quality.items()}, "reason": reason}, reason == OK)

    def _reasons(self, quality: dict[str, np.ndarray], diameter: float) -> np.ndarray:
        disks = quality["area"] / (np.pi * diameter**2 / 4)
        failed = {
            "snr": ~(quality["snr"] >= self.min_snr),  # NaN fails
            "residual_correlation": ~(quality["residual_correlation"] >= self.min_residual_correlation),
            "small": disks < self.min_area,
            "large": disks > self.max_area,
        }
        words = ["+".join(name for name, where in failed.items() if where[k]) for k in range(len(disks))]
        return np.array([word.encode() or OK for word in words], dtype="S40")


def _brightness(movie: Compressed, model: Model, runtime: Runtime) -> dict[str, np.ndarray]:
    """Peak over noise, a batch of cells at a time."""
    energy = np.asarray(model.A.csr.power(2).sum(axis=0), np.float64).ravel()
    noise = 1 / np.sqrt(np.maximum(energy, 1e-12))  # what white noise leaves at this footprint
    peak = np.zeros(len(model))
    several = runtime.batch(TRACES_AT_ONCE * 4 * len(movie))
    for start in range(0, len(model), several):
        cells = slice(start, start + several)
        noise[cells] = np.maximum(noise[cells], measures.noise_level(measures.raw_traces(movie, model, cells)).cpu().numpy())
        peak[cells] = measures.robust_peak(model.C[cells]).cpu().numpy()
    return {"snr": peak / noise, "noise": noise}


def _agreement(movie: Compressed, model: Model, footprints: sparse.csc_array, runtime: Runtime) -> dict[str, np.ndarray]:
    cells = runtime.progress(range(len(model)), "judging cells", len(model))
    fits = [measures.local_fit(movie, model, footprints, cell) for cell in cells]
    return {
        "residual_correlation": np.array([fit.correlation for fit in fits], np.float64),
        "explained_variance": np.array([fit.explained for fit in fits], np.float64),
    }
