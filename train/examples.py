"""A simulated movie as labelled crops (maskNMF, "Video simulation and training").

The movie goes through the very compression, sparsening and frame selection that a run uses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from detectnmf.components import Components
from detectnmf.compress.base import Compressor
from detectnmf.compressed import Compressed
from detectnmf.detect.context import Views
from detectnmf.detect.network import CROP
from detectnmf.detect.select import Selection, crop, resize, select
from detectnmf.enhance.base import Enhancer
from detectnmf.runtime import Runtime
from detectnmf.simulate.simulator import Simulated
from detectnmf.sparsen.base import Sparsener
from detectnmf.sparsen.fast import backward_difference, soft_threshold


@dataclass(frozen=True)
class Example:
    """One crop.

    Args:
        views: (VIEWS, CROP, CROP) what the network sees, in units of noise, float16.
        masks: (n, CROP, CROP) bool of the cells to be found in it.
        snr: (n,) peak SNR of each of these cells in the whole movie.
        density: mean number of footprints over a pixel of the movie (R_c).
        kind: of movie.
    """

    views: Tensor
    masks: Tensor
    snr: Tensor
    density: float = 0.0
    kind: str = "movie"


@dataclass(frozen=True)
class Labels:
    """What counts as a cell in a frame.

    Args:
        percentile: (low, high) of p, drawn for each movie: only the top p % of a cell's deconvolved activity count.
        faint: a cell below this level in units of noise is not asked for.
        dim: nor is one below this share of the crop's maximum.
        shown: nor is one that the frame shows at less than this share of its true level (the soft threshold took it).
        edge: a mask is where the footprint is above this share of its maximum.
        smallest: masks of fewer network px are left out.
    """

    percentile: tuple[float, float] = (50.0, 80.0)
    faint: float = 0.06
    dim: float = 0.06
    shown: float = 0.3
    edge: float = 0.2
    smallest: int = 12

    def strength(self, cells: Components, movie: Compressed, sparsen: Sparsener, rng: np.random.Generator) -> Tensor:
        """(K, T) deconvolved, soft-thresholded activity at each cell's brightest pixel, in units of noise."""
        if cells.traces is None or not len(cells):
            return torch.zeros(0, len(movie))
        active = soft_threshold(backward_difference(torch.from_numpy(cells.traces), sparsen.decay, movie.rate), 0.0)
        share = 1 - float(rng.uniform(*self.percentile)) / 100
        for trace in active:
            lit = trace[trace > 0.02 * trace.max()]
            if len(lit):
                trace[trace < torch.quantile(lit, share)] = 0
        peak = cells.footprints.multiply(1 / movie.std.ravel()[:, None]).max(axis=0).toarray().ravel()
        return active * torch.from_numpy(peak.astype(np.float32))[:, None]

    def lit(self, shapes: Tensor, images: Tensor, strength: Tensor) -> Tensor:
        """Which cells are to be found: (K, h, w) footprints, (n, h, w) crops, (K, n) true levels -> (K, n) bool."""
        core = torch.where(shapes > 0.5, shapes, 0.0).flatten(1)
        seen = core @ images.flatten(1).T / core.square().sum(1, keepdim=True).clamp(min=1e-6)
        level = torch.minimum(seen, strength)
        enough = (shapes > self.edge).sum((1, 2)) >= self.smallest
        limit = (self.dim * images.amax((1, 2))).clamp(min=self.faint)
        return enough[:, None] & (level > limit) & (seen > self.shown * strength)


def examples(
    simulated: Simulated,
    enhance: Enhancer,
    compress: Compressor,
    sparsen: Sparsener,
    labels: Labels,
    diameter: float,
    looks: int,
    most: int,
    rng: np.random.Generator,
    runtime: Runtime,
    kind: str = "movie",
) -> list[Example]:
    """At most `most` crops of one movie, chosen at random among those that a run would look at.

    Args:
        diameter: of a cell (px) that the run is told or estimates.
    """
    movie = compress(enhance(simulated.recording, diameter, runtime), runtime)
    if movie.rank == 0:
        return []
    clear = sparsen(movie, runtime)
    views = Views.of(clear, movie, runtime)
    selection = select(clear, diameter, looks, runtime)
    snr = torch.as_tensor(np.asarray(simulated.truth.quality["snr"], np.float32))
    density = float(simulated.report["density"])
    strength = labels.strength(simulated.truth.cells, movie, sparsen, rng)
    pairs = [(tile, frame) for tile in range(len(selection.corners)) for frame in selection.frames[tile]]
    chosen = sorted(pairs[i] for i in rng.permutation(len(pairs))[:most])
    found: list[Example] = []
    for tile in range(len(selection.corners)):
        frames = np.array([f for t, f in chosen if t == tile], int)
        if not len(frames):
            continue
        shown = resize(views.tile(selection, tile, frames), CROP)
        shapes = tile_shapes(simulated.truth.cells, selection, tile)
        lit = labels.lit(shapes, shown[:, 0], strength[:, frames])
        found.extend(Example(one.half(), shapes[row] > labels.edge, snr[row], density, kind) for one, row in zip(shown, lit.T, strict=True))
    return found


def tile_shapes(cells: Components, selection: Selection, tile: int) -> Tensor:
    """(K, CROP, CROP) footprints as one tile shows them."""
    if not len(cells):
        return torch.zeros(0, CROP, CROP)
    top, left = selection.corners[tile].tolist()
    return resize(crop(torch.from_numpy(cells.images()), top, left, selection.edge), CROP)


def augment(example: Example, rng: np.random.Generator) -> Example:
    """Flip and turn by a right angle."""
    turns = int(rng.integers(4))
    views, masks = (torch.rot90(x, turns, (-2, -1)) for x in (example.views, example.masks))
    if rng.random() < 0.5:
        views, masks = views.flip(-1), masks.flip(-1)
    return replace(example, views=views, masks=masks)


def target(masks: Tensor) -> dict[str, Tensor]:
    """(n, h, w) masks as torchvision wants them: boxes (x0, y0, x1, y1), labels, masks."""
    boxes = torch.zeros(len(masks), 4)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        box[:] = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return {"boxes": boxes, "labels": torch.ones(len(masks), dtype=torch.int64), "masks": masks.to(torch.uint8)}
