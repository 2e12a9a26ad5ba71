"""Traced cells from SWC files, such as those of NeuroMorpho.org or the Allen Cell Types database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.files import existing, stamp
from detectnmf.simulate.shapes.morphology import Traced, load
from detectnmf.simulate.shapes.soma import Soma
from detectnmf.simulate.shapes.surface import join, spin
from detectnmf.simulate.shapes.tree import Pieces, process

AXES = {"x": (0, 0, 1), "y": (0, 1, 0), "z": (1, 0, 0)}  # SWC's x, y, z in the order z, y, x
WHAT = "a folder of SWC files, or one of them"


@dataclass(frozen=True)
class Swc(Soma):
    """Cells drawn from files, each turned at random about the optical axis and mirrored; the soma is a ball of `Soma`'s making.

    Args:
        path: a folder of .swc files (not of its subfolders), or one file.
        diameter: of the somata, mean (µm): all cells are scaled by the same factor to give it; null takes the files' own sizes.
        diameter_sd: standard deviation over cells (µm), on top of what the files have; whole cells are scaled.
        up: the SWC axis (x, y, z, -x, -y, -z) that points to the brain's surface; `apical` turns each cell by its own apical
            dendrites (type 4), or by y if it has none.
        dendritic: indicator in the processes relative to the soma.
        axon: whether to draw the axon (type 2).
        reach: what is farther from the soma is left out (µm); null for the whole cell.
        spacing: of points along a process (µm).
    """

    path: str | None = None
    diameter: float | None = None  # type: ignore[assignment]  # a number once the files are read
    diameter_sd: float = 0.6
    stretch: float = 1.2
    up: str = "apical"
    dendritic: float = 0.4
    axon: bool = False
    reach: float | None = 150.0
    spacing: float = 0.8

    def __post_init__(self) -> None:
        if self.up.removeprefix("-") not in AXES and self.up != "apical":
            raise UserError(f"shapes.up must be apical, x, y, z, -x, -y or -z, got {self.up}")
        if self.dendritic < 0 or not self.spacing > 0 or (self.reach is not None and not self.reach > 0):
            raise UserError(
                "shapes.dendritic must be 0 or more, shapes.spacing above 0 µm and shapes.reach above 0 µm or null, "
                f"got {self.dendritic}, {self.spacing}, {self.reach}"
            )
        self._files()
        if self.diameter is None:
            object.__setattr__(self, "diameter", self._typical())
        super().__post_init__()

    def _files(self) -> list[Path]:
        path = existing(self.path, WHAT)
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".swc") if path.is_dir() else [path]
        if not files:
            raise UserError(f"shapes.path={self.path} has no .swc files; give {WHAT}")
        return files

    def _cells(self) -> list[Traced]:
        return [load(*stamp(file), self.spacing) for file in self._files()]

    def _typical(self) -> float:
        return 2 * float(np.median([cell.radius for cell in self._cells()]))

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        cells, typical = self._cells(), self._typical()
        return [self.draw_traced(cells[k], self.draw_diameter(rng) / typical, rng) for k in rng.integers(len(cells), size=n)]

    def draw_traced(self, cell: Traced, scale: float, rng: np.random.Generator) -> Shape:
        """One cell, scaled."""
        matrix = _upright(self._up(cell)) @ spin(rng.uniform(0, 2 * np.pi), bool(rng.integers(2)))
        body = self.body(2 * cell.radius * scale, rng)
        shown = np.ones(len(cell.axon), bool) if self.axon else ~cell.axon
        if self.reach is not None:
            shown &= np.linalg.norm(cell.pieces.centre, axis=1) * scale < self.reach
        pieces = cell.pieces[shown]
        pieces = Pieces(pieces.centre @ matrix * scale, pieces.along @ matrix * scale, pieces.radius * scale, pieces.volume * scale**3)
        return join([body, process(pieces, self.dendritic, rng)])

    def _up(self, cell: Traced) -> np.ndarray:
        if self.up == "apical":
            return cell.apical if cell.apical.any() else np.array(AXES["y"], float)
        return np.array(AXES[self.up.removeprefix("-")], float) * (-1 if self.up.startswith("-") else 1)


def _upright(up: np.ndarray) -> np.ndarray:
    """(3, 3) reflection that brings the unit vector `up` to -z, the surface; for points @ matrix."""
    way = up - np.array([-1.0, 0, 0])
    length = way @ way
    return np.eye(3) if length < 1e-12 else np.eye(3) - 2 * np.outer(way, way) / length
