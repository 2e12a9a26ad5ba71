"""Components that are anywhere: sparse NMF of means over time, for dendrites and what else is not compact (CNMF, dendritic data)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.decimate import Coarse
from detectnmf.demix.model import Model
from detectnmf.demix.prune import brightness
from detectnmf.demix.residual import bands, residual, usable
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime

ENOUGH_FRAMES = 500  # averaged ones that tell components apart
FAINT = 0.1  # of an image's maximum, below which it ends
ITERATIONS, COPIES = 100, 4  # of the factorisation; of its data in memory


@dataclass(frozen=True)
class Dendrites:
    """Non-negative factors of what a model leaves of the movie, sparse in space, brightest first; no two parts need to touch.

    Args:
        most: components at most, those of the model included.
        sparsity: penalty on the sum of an image's values, relative to the light of the movie (scikit-learn's alpha_H).
        brightness: height of a component's peaks over the recording's noise in its matched filter, at least.
    """

    most: int = 30
    sparsity: float = 0.05
    brightness: float = 5.0

    def __post_init__(self) -> None:
        if self.most < 1:
            raise UserError(f"seeder.dendrites.most must be at least 1, got {self.most}")
        if not self.sparsity >= 0:
            raise UserError(f"seeder.dendrites.sparsity must be 0 or more, got {self.sparsity}")

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """See `Seeder`; all are found at once, so that nothing is added to a model that holds cells."""
        good = usable(movie)
        count = min(self.most, int(good.sum()))
        if not count or len(model):
            return Components.empty(movie.size)
        from sklearn.decomposition import NMF

        frames, pixels = max(1, len(movie) // ENOUGH_FRAMES), 1
        while len(good) / pixels**2 * (len(movie) // frames) > runtime.batch(4 * COPIES) and pixels < min(movie.size):
            pixels *= 2
        coarse = Coarse.of(movie, frames, pixels)
        X = above_rest(coarse.movie, coarse.model(model), runtime)  # (P, t)
        lively = np.flatnonzero(usable(coarse.movie) & (X.max(axis=1) > 0))
        if not len(lively):
            return Components.empty(movie.size)
        count = min(count, len(lively), X.shape[1])
        factors = NMF(
            count, init="nndsvda", alpha_W=0.0, alpha_H=self.sparsity, l1_ratio=1.0, max_iter=ITERATIONS, random_state=runtime.seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it has not converged
            courses = factors.fit_transform(X[lively].T).T
        images = np.zeros((len(X), count), np.float32)
        images[lively] = factors.components_.T
        images[images < FAINT * images.max(axis=0, initial=0)] = 0
        footprints = sparse.csc_array(images)
        kept = np.flatnonzero(np.diff(footprints.indptr) > 0)
        bright = (
            brightness(footprints[:, kept], torch.from_numpy(np.ascontiguousarray(courses[kept], np.float32))) / np.sqrt(frames) / pixels
        )
        order = np.argsort(-bright, kind="stable")
        order = order[bright[order] >= self.brightness]
        score = 1 - self.brightness / (2 * np.maximum(bright[order], 1e-30))
        return Components(sparse.csc_array(coarse.up @ footprints[:, kept[order]]), movie.size, None, score)


def above_rest(movie: Compressed, model: Model, runtime: Runtime) -> np.ndarray:
    """(P, T) residual above each pixel's median, 0 below it."""
    size, found = movie.size, np.zeros((movie.size[0] * movie.size[1], len(movie)), np.float32)
    rows = runtime.batch(size[1] * len(movie) * 4 * 4, most=size[0])
    for band, _ in bands(size, rows, 0):
        pixels = slice(band.start * size[1], band.stop * size[1])
        x = residual(movie, model, pixels)
        found[pixels] = (x - x.median(dim=1, keepdim=True).values).clamp_min(0).cpu().numpy()
    return found
