"""Cells cut out of a segmented electron-microscopy volume, as maskNMF's are (Zhou et al. 2020)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.files import existing, stamp
from detectnmf.simulate.shapes.labels import Size, open_labels
from detectnmf.simulate.shapes.surface import spin
from detectnmf.simulate.shapes.tree import LIFT, TURN

GRID = 2_000_000  # voxels of the coarse grid in which a soma is looked for
WHAT = "a segmented volume (TIFF, zarr or HDF5) with one label for each cell"


@dataclass(frozen=True)
class Segmented:
    """One cell of a volume.

    Args:
        points: (N, 3) z, y, x in µm from the centre of the largest ball in it. soma: (N,) True in the soma.
        volume: µm³ of each point.
        radius: of that ball (µm).
    """

    points: np.ndarray
    soma: np.ndarray
    volume: float
    radius: float

    @property
    def diameter(self) -> float:
        """Of the ball of the soma's volume (µm)."""
        return float((6 / np.pi * self.soma.sum() * self.volume) ** (1 / 3))


@dataclass(frozen=True)
class Volume:
    """Each label of a segmented volume is a cell, turned at random about the optical axis and mirrored.

    The soma is looked for where the largest ball fits in; labels into which no ball of a soma's size fits are no cells.

    Args:
        path: a TIFF, zarr or HDF5 file of integer labels, 0 between cells, axes z, y, x; z along the optical axis, downwards.
        dataset: name of the array in a zarr group or an HDF5 file; null for the only one.
        voxel_size: z, y, x (µm); null to read it from the file (OME, ImageJ, OME-Zarr, element_size_um, resolution).
        diameter: of the somata, mean (µm): all cells are scaled by the same factor to give it; null takes the volume's own sizes.
        scale_sd: standard deviation of each cell's own scale, relative.
        smallest: µm³; smaller labels are left out.
        soma_radius: µm; labels whose largest ball is smaller have no soma and are left out.
        nucleus: diameter of the nucleus relative to that ball's.
        nuclear: indicator in a dark nucleus relative to the cytosol.
        filled: share of cells whose nucleus is as bright as the cytosol.
        dendritic: indicator outside of the soma relative to the cytosol.
        spacing: µm between points: finer voxels are left out.
    """

    path: str | None = None
    dataset: str | None = None
    voxel_size: Sequence[float] | None = None
    diameter: float | None = None  # a number once the file is read
    scale_sd: float = 0.05
    smallest: float = 200.0
    soma_radius: float = 3.0
    nucleus: float = 0.8
    nuclear: float = 0.12
    filled: float = 0.15
    dendritic: float = 0.4
    spacing: float = 0.7

    def __post_init__(self) -> None:
        if self.voxel_size is not None and (len(self.voxel_size) != 3 or not min(self.voxel_size) > 0):
            raise UserError(f"shapes.voxel_size must be three numbers above 0 µm (z, y, x), got {list(self.voxel_size)}")
        for name in ("nucleus", "nuclear", "filled"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"shapes.{name} must lie in 0..1, got {getattr(self, name)}")
        if not 0 <= self.scale_sd <= 0.5 or self.dendritic < 0 or self.smallest < 0:
            raise UserError(
                "shapes.scale_sd must lie in 0..0.5, shapes.dendritic and shapes.smallest must be 0 or more, "
                f"got {self.scale_sd}, {self.dendritic}, {self.smallest}"
            )
        if not self.soma_radius > 0 or not self.spacing > 0:
            raise UserError(f"shapes.soma_radius and shapes.spacing must be above 0 µm, got {self.soma_radius} and {self.spacing}")
        if self.diameter is not None and not self.diameter > 0:
            raise UserError(f"shapes.diameter must be above 0 µm or null, got {self.diameter}")
        if self.voxel_size is not None:
            object.__setattr__(self, "voxel_size", tuple(float(side) for side in self.voxel_size))
        typical = self._typical()
        if self.diameter is None:
            object.__setattr__(self, "diameter", typical)

    def _cells(self) -> tuple[Segmented, ...]:
        path = existing(self.path, WHAT)
        inner = path / "zarr.json" if (path / "zarr.json").is_file() else path  # a folder's own time says little
        size = None if self.voxel_size is None else (self.voxel_size[0], self.voxel_size[1], self.voxel_size[2])
        return cells_of(str(path), stamp(inner), self.dataset, size, self.spacing, self.smallest, self.soma_radius)

    def _typical(self) -> float:
        return float(np.median([cell.diameter for cell in self._cells()]))

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        cells = self._cells()
        whole = (self.diameter or 0) / self._typical()
        return [self.draw_segmented(cells[k], whole, rng) for k in rng.integers(len(cells), size=n)]

    def draw_segmented(self, cell: Segmented, whole: float, rng: np.random.Generator) -> Shape:
        """One cell, scaled by `whole` and a factor of its own."""
        scale = whole * np.exp(self.scale_sd * rng.standard_normal())
        nuclear = 1.0 if rng.uniform() < self.filled else self.nuclear
        inside = np.linalg.norm(cell.points, axis=1) < self.nucleus * cell.radius
        concentration = np.where(cell.soma, np.where(inside, nuclear, 1.0), self.dendritic)
        volume = np.full(len(cell.points), cell.volume * scale**3)
        matrix = scale * spin(rng.uniform(0, 2 * np.pi), bool(rng.integers(2)))
        return Shape(cell.points @ matrix, concentration * volume, volume)


@lru_cache(maxsize=8)
def cells_of(
    name: str,
    state: tuple[str, int, int],
    dataset: str | None,
    voxel_size: Size | None,
    spacing: float,
    smallest: float,
    soma_radius: float,
) -> tuple[Segmented, ...]:
    """The cells of a volume, read once for each state of the file.

    Raises:
        UserError: see `open_labels`; no voxel size; no label with a soma.
    """
    path = Path(name)
    with open_labels(path, dataset) as labels:
        size = voxel_size or labels.voxel_size
        if size is None:
            raise UserError(f"{path} does not say its voxel size; give shapes.voxel_size=[z,y,x] in µm, for example [0.04,0.016,0.016]")
        step = np.maximum(np.floor(spacing / np.array(size)).astype(int), 1)
        coarse = step * np.array(size)
        least = smallest / coarse.prod()
        counts: Counter[int] = Counter()
        for _, found in labels.blocks(tuple(step)):
            counts.update(dict(zip(*(part.tolist() for part in np.unique(found, return_counts=True)), strict=True)))
        kept = np.array(sorted(label for label, count in counts.items() if count >= least), labels.array.dtype)
        gathered = []
        for where, found in labels.blocks(tuple(step)):
            place = np.minimum(np.searchsorted(kept, found), max(len(kept) - 1, 0))
            chosen = kept[place] == found if len(kept) else np.zeros(len(found), bool)
            gathered.append((place[chosen].astype(np.int32), (where[chosen] // step).astype(np.int32)))
    owner = np.concatenate([part[0] for part in gathered]) if gathered else np.zeros(0, np.int32)
    where = np.concatenate([part[1] for part in gathered]) if gathered else np.zeros((0, 3), np.int32)
    order = np.argsort(owner, kind="stable")
    pieces = np.split(where[order], np.cumsum(np.bincount(owner, minlength=len(kept)))[:-1]) if len(kept) else []
    cells = [cell for cell in (segmented(piece, coarse) for piece in pieces) if cell.radius >= soma_radius]
    if not cells:
        raise UserError(
            f"{path}: none of {len(counts)} labels is a cell of at least {smallest:g} µm³ whose soma holds a ball of radius "
            f"{soma_radius:g} µm; lower shapes.smallest or shapes.soma_radius, or check shapes.voxel_size (z, y, x in µm, now {list(size)})"
        )
    return tuple(cells)


def segmented(where: np.ndarray, voxel: np.ndarray) -> Segmented:
    """The cell of (N, 3) voxels of this size (3,) µm.

    The soma is what a ball of half the largest one's radius can sweep without leaving the place of the largest through a neck.
    """
    box = float((np.ptp(where, axis=0) + 1.0).prod())
    centre, radius = _largest(where, voxel, int(np.ceil((box / GRID) ** (1 / 3))))
    reach = np.ceil(3 * radius / voxel).astype(int) + 2
    near = (np.abs(where - centre) <= reach).all(axis=1)
    low = centre - reach - 1
    grid = np.zeros(2 * reach + 3, bool)
    grid[tuple((where[near] - low).T)] = True
    distance = ndimage.distance_transform_edt(grid, sampling=voxel)
    best = np.unravel_index(distance.argmax(), distance.shape)
    largest = float(distance[best])
    core = ndimage.label(distance >= largest / 2)[0]
    sweep = ndimage.distance_transform_edt(core != core[best], sampling=voxel) < largest / 2 + voxel.max()
    soma = np.zeros(len(where), bool)
    soma[near] = sweep[tuple((where[near] - low).T)]
    shifted = where - (low + np.array(best)) + np.zeros(3)
    shifted[:, 1:] += (where[:, :1] * [TURN, LIFT]) % 1 - 0.5  # each layer a little aside, so that they do not stack up to a pattern
    return Segmented((shifted * voxel).astype(np.float32), soma, float(voxel.prod()), largest - float(voxel.min()) / 2)


def _largest(where: np.ndarray, voxel: np.ndarray, bins: int) -> tuple[np.ndarray, float]:
    """Centre (3,) in voxels and radius (µm) of about the largest ball, looked for among blocks of `bins` voxels a side."""
    low = where.min(axis=0)
    block = (where - low) // bins + 1
    shape = block.max(axis=0) + 2
    count = np.bincount(np.ravel_multi_index(tuple(block.T), tuple(shape)), minlength=int(shape.prod())).reshape(shape)
    distance = ndimage.distance_transform_edt(count * 2 > bins**3, sampling=voxel * bins)
    best = np.array(np.unravel_index(distance.argmax(), distance.shape))
    return (best - 1) * bins + bins // 2 + low, max(float(distance.max()), float(voxel.max()))
