"""Seeds by Mask R-CNN on the brightest frames of the sparsened movie (maskNMF, "Component identification")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.detect.context import Views
from detectnmf.detect.detector import MaskRCNNDetector
from detectnmf.detect.keep import Candidates, discounted, distinct, group, mixtures, unit
from detectnmf.detect.limits import outside
from detectnmf.detect.network import CROP, VIEWS
from detectnmf.detect.select import Selection, resize, select
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.sparsen.base import Sparsener


@dataclass(frozen=True)
class Detections:
    """What was found in one frame of a tile: `shapes` (n, edge²) sparse, `score` (n,)."""

    shapes: sparse.csr_array
    score: np.ndarray


@dataclass(frozen=True)
class MaskRCNNSeeder:
    """Sparsen, show well-chosen frames of each patch to the network, average the detections of each cell, keep what is new.

    Args:
        sparsen: deconvolves the movie first.
        detector: finds instances in crops; its own `score` is c_min.
        looks: how often each place is shown near its brightest; see `select`.
        sure: least probability of a seed, from how often and how surely it was seen.
        same: cosine from which two detections are of one cell.
        t_real: most cosine to a kept footprint.
        t_bin: most cosine to a kept binary mask.
        mixed: share of a candidate's squared norm from which two or more others explain it away.
        batch: crops per call of the network.
    """

    sparsen: Sparsener
    detector: MaskRCNNDetector
    looks: int = 3
    sure: float = 0.4
    same: float = 0.85
    t_real: float = 0.85
    t_bin: float = 0.85
    mixed: float = 0.9
    batch: int = 32

    def __post_init__(self) -> None:
        for name in ("looks", "batch"):
            if getattr(self, name) < 1:
                raise UserError(f"seeder.maskrcnn.{name} must be at least 1, got {getattr(self, name)}")

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """Seeds that are unlike the model's present cells, the most often seen first."""
        if movie.rank == 0:
            return Components.empty(movie.size)
        clear = self.sparsen(movie, runtime)
        selection = select(clear, diameter, self.looks, runtime)
        return self.seeds(Views.of(clear, movie, runtime), selection, model, runtime)

    def seeds(self, views: Views, selection: Selection, model: Model, runtime: Runtime) -> Components:
        """Seeds in the chosen frames."""
        size = views.clear.size
        tiles = runtime.progress(range(len(selection.corners)), "detect")
        each = [group(self.detect(views, selection, tile, runtime), self.same) for tile in tiles]
        found = group(Candidates.together(each, size[0] * size[1]), self.same)
        found = discounted(found, list(_levels(found, views.clear, selection)))
        found = found[found.probability >= self.sure]
        found = found[~mixtures(found, self.mixed)]
        present = sparse.csc_array(model.A.csr)
        everything = sparse.csc_array(sparse.hstack([present, found.footprints], format="csc"))
        rank = np.concatenate([np.full(len(model), np.inf), found.seen])  # present cells come before every candidate
        kept = distinct(everything, rank, self.t_real, self.t_bin)
        kept = kept[kept >= len(model)] - len(model)
        return Components(sparse.csc_array(found.footprints[:, kept]), size, score=found.probability[kept])

    def doubts(self, measured: Mapping[str, float]) -> list[str]:
        """What of a recording the detector was not trained on; see `limits`."""
        return outside(self.detector.card, measured)

    def detect(self, views: Views, selection: Selection, tile: int, runtime: Runtime) -> Candidates:
        """All acceptable detections of one tile."""
        frames = selection.frames[tile]
        found: list[Detections] = []
        batch = runtime.batch(VIEWS * selection.edge * (selection.edge + views.clear.size[1]) * 4 * 8, most=self.batch)

        def look(chosen: slice) -> None:
            shown = views.tile(selection, tile, frames[chosen])
            seen: list[Detections] = []
            for image, instances in zip(shown[:, 0], self.detector(resize(shown, CROP)), strict=True):
                if len(instances.score):
                    values = (resize(instances.masks.float(), selection.edge) > 0.5) * image.clamp(min=0)
                    seen.append(Detections(sparse.csr_array(values.flatten(1).cpu().numpy()), instances.score.cpu().numpy()))
            found.extend(seen)  # not before all went well: a batch too large for the memory is halved and tried again

        runtime.in_batches(len(frames), batch, look)
        return _place(found, selection, tile, views.clear.size)


def _levels(found: Candidates, clear: Compressed, selection: Selection) -> Iterator[np.ndarray]:
    """How bright each candidate is in the frames in which its tile was shown."""
    size = clear.size
    weights = sparse.csr_array(found.footprints.T @ clear.U.csr)
    mass = np.maximum(np.asarray(found.footprints.sum(0)).ravel(), 1e-20)
    row, column = (np.asarray(at.ravel() @ found.footprints).ravel() / mass for at in np.indices(size, np.float32))
    tiles = selection.tile_at(row, column)
    V = clear.V.cpu().numpy()
    for i, tile in enumerate(tiles):
        part = slice(weights.indptr[i], weights.indptr[i + 1])
        yield weights.data[part] @ V[np.ix_(weights.indices[part], selection.frames[tile])]


def _place(found: list[Detections], selection: Selection, tile: int, size: tuple[int, int]) -> Candidates:
    """Put a tile's detections into the field, and drop those that another tile shows more fully."""
    pixels = size[0] * size[1]
    if not found:
        return Candidates.together([], pixels)
    score = np.concatenate([part.score for part in found])
    shapes = sparse.coo_array(sparse.vstack([part.shapes for part in found]))
    cell, weight = shapes.row, shapes.data
    row, column = np.divmod(shapes.col, selection.edge)
    row, column = row + selection.corners[tile, 0], column + selection.corners[tile, 1]
    inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    cell, row, column, weight = cell[inside], row[inside], column[inside], weight[inside]
    footprints = sparse.csc_array((weight, (row * size[1] + column, cell)), shape=(pixels, len(score)))
    mass = np.bincount(cell, weight, len(score))
    middle = [np.bincount(cell, weight * at, len(score)) / np.maximum(mass, 1e-20) for at in (row, column)]
    good = (mass > 0) & (selection.tile_at(*middle) == tile)
    return Candidates(unit(footprints), score)[good]
