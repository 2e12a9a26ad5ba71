"""Seeds by Mask R-CNN on the brightest frames of the sparsened movie (maskNMF, "Component identification")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.detect.detector import MaskRCNNDetector
from detectnmf.detect.keep import crowded, distinct
from detectnmf.detect.network import CROP, DIAMETER
from detectnmf.detect.select import Selection, resize, select, tile_frames
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparsen.base import Sparsener

SOMA = np.pi / 4 * DIAMETER**2  # network px


@dataclass(frozen=True)
class Detections:
    """What was found in one frame of a tile: `shapes` (n, edge²) sparse, `score` (n,), `frame` (n,)."""

    shapes: sparse.csr_array
    score: np.ndarray
    frame: np.ndarray


@dataclass(frozen=True)
class MaskRCNNSeeder:
    """Sparsen, show the brightest frames of each patch to the network, keep what is sure, new and stands alone.

    Args:
        sparsen: deconvolves the movie first.
        detector: finds instances in crops; its own `score` is c_min.
        frames: brightest frames per patch (n); a frame next to a brighter one does not count, so 30 are some 100 of the paper's.
        t_real: most cosine to a kept footprint.
        t_bin: most cosine to a kept binary mask.
        crowd: most pixels shared with another mask of the same frame, as a fraction of a soma's area.
        batch: crops per call of the network.
    """

    sparsen: Sparsener
    detector: MaskRCNNDetector
    frames: int = 30
    t_real: float = 0.65
    t_bin: float = 0.65
    crowd: float = 0.4
    batch: int = 32

    def __post_init__(self) -> None:
        for name in ("frames", "batch"):
            if getattr(self, name) < 1:
                raise UserError(f"seeder.maskrcnn.{name} must be at least 1, got {getattr(self, name)}")

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """Seeds that are unlike the model's present cells, best score first."""
        if movie.rank == 0:
            return Components.empty(movie.size)
        sparse_movie = self.sparsen(movie, runtime)
        selection = select(sparse_movie, diameter, self.frames, runtime)
        parts = [sparse.csc_array(model.A.csr)]
        scores = [np.full(len(model), 2.0, np.float32)]  # present cells come before every candidate
        for tile in runtime.progress(range(len(selection.corners)), "detect"):
            footprints, score = self._tile(sparse_movie, selection, tile, runtime)
            kept = distinct(footprints, score, self.t_real, self.t_bin)
            parts.append(footprints[:, kept])
            scores.append(score[kept])
        everything = sparse.csc_array(sparse.hstack(parts, format="csc"))
        score = np.concatenate(scores)
        kept = distinct(everything, score, self.t_real, self.t_bin)
        kept = kept[kept >= len(model)]
        return Components(everything[:, kept], movie.size, score=score[kept])

    def _tile(self, movie: Compressed, selection: Selection, tile: int, runtime: Runtime) -> tuple[sparse.csc_array, np.ndarray]:
        """All acceptable detections of one tile: footprints (P, n) and scores (n,)."""
        frames = selection.frames(tile)
        found: list[Detections] = []
        batch = runtime.batch(selection.edge * (selection.edge + movie.size[1]) * 4 * 8, most=self.batch)

        def look(chosen: slice) -> None:
            part = frames[chosen]
            images = tile_frames(movie, selection, tile, part)
            seen: list[Detections] = []
            for frame, image, instances in zip(part, images, self.detector(resize(images, CROP)), strict=True):
                alone = ~crowded((instances.masks > 0.5).cpu().numpy(), self.crowd * SOMA)
                masks = instances.masks[torch.from_numpy(alone).to(image.device)]
                if len(masks):
                    values = (resize(masks, selection.edge) > 0.5) * image.clamp(min=0)
                    shapes = sparse.csr_array(values.flatten(1).cpu().numpy())
                    seen.append(Detections(shapes, instances.score.cpu().numpy()[alone], np.full(len(masks), frame)))
            found.extend(seen)

        runtime.in_batches(len(frames), batch, look)
        return _place(found, selection, tile, movie.size)


def _place(found: list[Detections], selection: Selection, tile: int, size: tuple[int, int]) -> tuple[sparse.csc_array, np.ndarray]:
    """Put a tile's detections into the field, and drop those whose patch did not choose their frame."""
    pixels = size[0] * size[1]
    if not found:
        return sparse.csc_array((pixels, 0), dtype=np.float32), np.zeros(0, np.float32)
    score = np.concatenate([part.score for part in found])
    frame = np.concatenate([part.frame for part in found])
    shapes = sparse.coo_array(sparse.vstack([part.shapes for part in found]))
    cell, weight = shapes.row, shapes.data
    row, column = np.divmod(shapes.col, selection.edge)
    row, column = row + selection.corners[tile, 0], column + selection.corners[tile, 1]
    inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    cell, row, column, weight = cell[inside], row[inside], column[inside], weight[inside]
    footprints = sparse.csc_array((weight, (row * size[1] + column, cell)), shape=(pixels, len(score)))
    mass = np.bincount(cell, weight, len(score))
    middle = [np.bincount(cell, weight * at, len(score)) / np.maximum(mass, 1e-20) for at in (row, column)]
    good = (mass > 0) & selection.counts(tile, frame, *middle)
    return footprints[:, good], score[good]
