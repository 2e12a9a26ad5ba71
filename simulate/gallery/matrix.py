"""Every shape library under every PSF; of each library always the same cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from detectnmf.simulate.footprints import project
from detectnmf.simulate.gallery import style
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.shapes.base import Shape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAMMA = 0.5
TILE, GAP, LABEL, HEAD = 1.32, 0.06, 1.25, 0.86  # inches
LEAST = 6.4  # inches, room for the words at the top


@dataclass(frozen=True)
class Tile:
    """A cell through a PSF: image (Y, X) relative to neuropil of concentration 1, and its peak in focus."""

    image: np.ndarray
    focus: float

    @property
    def peak(self) -> float:
        return float(self.image.max(initial=0))


def see(shape: Shape, optics: Optics, depth: float, field: float, apart: float = 0.0) -> np.ndarray:
    """(n, n) a cell whose soma lies `depth` µm below the focal plane, in the middle of a square field (µm).

    Relative to neuropil of concentration 1. Points that are farther `apart` (µm) than a pixel are drawn as wide as their distance.
    """
    apart /= optics.pixel_size
    n = 2 * round(field / optics.pixel_size / 2) + 1
    edge = int(np.ceil(2 * apart)) if apart > 1 else 0
    wide = n + 2 * edge
    middle = np.array([depth, *(2 * [wide // 2 * optics.pixel_size])])
    flat = np.zeros(wide * wide)
    patch = project(shape.points + middle, shape.weights[None], optics, (wide, wide))
    if patch is not None:
        pixels, values = patch.inside((wide, wide))
        flat[pixels] = values[0]
    image = flat.reshape(wide, wide)
    return ndimage.gaussian_filter(image, apart / 2)[edge:-edge, edge:-edge] if edge else image


def spacing(shape: Shape) -> float:
    """µm to the next point in y and x, median over the points."""
    if len(shape.points) < 2:
        return 0.0
    return float(np.median(KDTree(shape.points[:, 1:]).query(shape.points[:, 1:], 2)[0][:, 1]))


def tiles(shapes: Mapping[str, Shape], optics: Mapping[str, Optics], depth: float, field: float) -> dict[tuple[str, str], Tile]:
    """Every cell through every PSF, by their names."""
    made = {}
    for row, shape in shapes.items():
        apart = spacing(shape)
        for column, seen in optics.items():
            focus = see(shape, seen, 0.0, field, apart)
            made[row, column] = Tile(focus if depth == 0 else see(shape, seen, depth, field, apart), float(focus.max()))
    return made


def draw(made: Mapping[tuple[str, str], Tile], depth: float, field: float) -> Figure:
    """The tiles, each from black to its own maximum, gamma 0.5; in each what that maximum is.

    In focus: relative to neuropil of the same concentration, seen through the same PSF. Else: relative to the same cell in focus.
    """
    shapes, psfs = (list(dict.fromkeys(name[axis] for name in made)) for axis in (0, 1))
    upright = len(psfs) >= len(shapes) / 2  # a page for one PSF lies on its side
    rows, columns = (shapes, psfs) if upright else (psfs, shapes)
    pitch = TILE + GAP
    width = max(LABEL + pitch * len(columns) + 0.15, LEAST)
    figure = style.new_figure(width, HEAD + pitch * len(rows) + 0.1)
    of, where = ("neuropil at that concentration", "in focus") if depth == 0 else ("the same cell in focus", f"{depth:g} µm below focus")
    style.write(figure, 0.15, 0.1, f"Cells {where}", fontsize=10.5, weight="bold")
    style.write(figure, width - 0.15, 0.12, f"number: brightest pixel relative to {of}", fontsize=8.5, color=style.MUTED, ha="right")
    for j, column in enumerate(columns):
        style.write(figure, LABEL + pitch * j + TILE / 2, HEAD - 0.08, broken(column), ha="center", va="bottom", fontsize=8.5)
    for i, row in enumerate(rows):
        style.write(figure, LABEL - 0.1, HEAD + pitch * i + TILE / 2, broken(row), ha="right", va="center", fontsize=8.5)
    axes = style.place(figure, LABEL, HEAD, pitch * len(columns), pitch * len(rows))  # one for all: axes are slow
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            tile = made[(row, column) if upright else (column, row)]
            image = (tile.image / max(tile.peak, 1e-300)) ** GAMMA
            left, top = pitch * j, pitch * i
            style.picture(axes, image, 0, 1, "magma", extent=(left, left + TILE, top + TILE, top))
            style.note(axes, words(tile, depth), left + 0.04 * TILE, top + 0.965 * TILE, transform=axes.transData)
    axes.set(xlim=(0, pitch * len(columns)), ylim=(pitch * len(rows), 0))
    bar = style.round_length(field / 2)
    end, low = 0.96 * TILE, 0.955 * TILE
    axes.plot([end - bar / field * TILE, end], [low, low], color="white", linewidth=2, solid_capstyle="butt")
    style.note(axes, f"{bar:g} µm", end, low - 0.02, ha="right", transform=axes.transData)
    return figure


def words(tile: Tile, depth: float) -> str:
    """How bright a tile is."""
    if tile.peak <= 0:
        return "not seen"
    if depth == 0:
        return f"× {tile.peak:.2g}"
    return style.percent(tile.peak / tile.focus) if tile.focus > 0 else "only here"


def broken(name: str, most: int = 14) -> str:
    """A long name in two lines, cut at the underscore nearest to its middle."""
    cuts = [k for k, letter in enumerate(name) if letter == "_"]
    if len(name) <= most or not cuts:
        return name
    cut = min(cuts, key=lambda k: abs(k - len(name) / 2))
    return f"{name[: cut + 1]}\n{name[cut + 1 :]}"
