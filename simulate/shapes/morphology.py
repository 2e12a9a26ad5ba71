"""SWC files: `read_swc` parses and checks one, `Traced` is its cell, soma at the origin, in pieces ready to be filled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.shapes.tree import Pieces, cut

SOMA, AXON, APICAL = 1, 2, 4  # types of the SWC format; 3 is a basal dendrite
FIELDS = "id type x y z radius parent"
RADII = (1.0, 50.0)  # µm, a soma's


@dataclass(frozen=True)
class Morphology:
    """A file's nodes, in its order.

    Args:
        kind: (N,) SWC type. points: (N, 3) x, y, z in µm. radius: (N,) µm. parent: (N,) index of the parent, -1 at a root.
    """

    kind: np.ndarray
    points: np.ndarray
    radius: np.ndarray
    parent: np.ndarray


@dataclass(frozen=True)
class Traced:
    """A traced cell, soma's centre at the origin; z, y, x in µm, not yet turned upright.

    Args:
        radius: of the ball that stands for the soma (µm).
        pieces: the processes outside of that ball.
        axon: (M,) True where a piece is axon.
        apical: (3,) unit vector towards the middle of the apical dendrite; zero if the file has none.
    """

    radius: float
    pieces: Pieces
    axon: np.ndarray
    apical: np.ndarray


def read_swc(path: Path) -> Morphology:
    """Parse a file.

    Raises:
        UserError: what is wrong, with the file and the line.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    try:
        table = np.loadtxt(lines, usecols=range(7), ndmin=2) if any(_content(line) for line in lines) else np.zeros((0, 7))
    except ValueError:
        raise UserError(_unreadable(path, lines)) from None
    if not len(table):
        raise UserError(f"{path} has no nodes; an SWC file has lines '{FIELDS}'")

    def refuse(wrong: Any, what: str) -> None:
        if wrong.any():
            row = int(wrong.argmax())
            number = [i for i, line in enumerate(lines, 1) if _content(line)][row]
            raise UserError(f"{path}, line {number}: {what}: {lines[number - 1].strip()!r}; a line is '{FIELDS}'")

    ids, kind, parents = (table[:, column] for column in (0, 1, 6))
    whole = np.stack([ids, kind, parents])
    refuse(np.any(~np.isfinite(whole) | (whole != np.rint(whole)), axis=0), "id, type and parent must be integers")
    refuse(~np.isfinite(table[:, 2:5]).all(axis=1), "x, y and z must be numbers")
    refuse(~(table[:, 5] >= 0) | np.isinf(table[:, 5]), "the radius must be 0 µm or more")
    order = np.argsort(ids, kind="stable")
    repeated = np.zeros(len(ids), bool)
    repeated[order[1:]] = ids[order[1:]] == ids[order[:-1]]
    refuse(repeated, "this id came before")
    place = np.minimum(np.searchsorted(ids[order], parents), len(ids) - 1)
    parent = np.where(parents == -1, -1, order[place])
    refuse((parents != -1) & (ids[order[place]] != parents), "its parent is not in the file")
    reached = parent.copy()
    for _ in range(int(np.ceil(np.log2(len(parent) + 1)))):  # jumps to the ancestor twice as far
        reached = np.where(reached >= 0, reached[reached], -1)
    refuse(reached >= 0, "it is its own ancestor")
    if not (kind == SOMA).any():
        raise UserError(f"{path} has no soma (no node of type 1); mark the soma's nodes, or leave the file out")
    return Morphology(kind.astype(int), table[:, 2:5], table[:, 5], parent)


def _content(line: str) -> str:
    return line.split("#", 1)[0].strip()


def _unreadable(path: Path, lines: list[str]) -> str:
    for number, line in enumerate(lines, 1):
        try:
            if _content(line) and len([float(word) for word in _content(line).split()[:7]]) < 7:
                raise ValueError
        except ValueError:
            return f"{path}, line {number} is not SWC: {line.strip()[:80]!r}; a line is '{FIELDS}'"
    return f"{path} is not an SWC file; its lines are '{FIELDS}'"


def ball(cell: Morphology) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius (µm) of the ball that stands for the soma.

    One point is the ball itself. Of NeuroMorpho's three points the first is (a cylinder as long as wide has the ball's surface).
    Points whose radii are small against their spread are an outline: mean distance from their mean. Others are a chain of
    truncated cones: a ball of their volume at their centroid, at least as wide as the widest.
    """
    nodes = np.flatnonzero(cell.kind == SOMA)
    points, radii = cell.points[nodes], cell.radius[nodes]
    if len(nodes) == 1:
        return points[0], float(radii[0])
    first = nodes[cell.parent[nodes] < 0][:1] if (cell.parent[nodes] < 0).any() else nodes[:1]
    middle = points[nodes == first[0]][0]
    far = np.linalg.norm(points - middle, axis=1)
    if len(nodes) == 3 and np.allclose(np.sort(far)[1:], radii.max(), rtol=0.05) and np.ptp(radii) < 0.05 * radii.max():
        return middle, float(radii.max())
    centre = points.mean(axis=0)
    spread = np.linalg.norm(points - centre, axis=1).mean()
    inner = nodes[np.isin(cell.parent[nodes], nodes)]
    if len(inner) == 0 or np.median(radii) < 0.3 * spread:
        return centre, float(spread)
    parent = cell.parent[inner]
    chain = cut(cell.points[parent], cell.points[inner], cell.radius[parent], cell.radius[inner], 0.5)
    total = chain.volume.sum()
    if total > 0:
        centre = np.average(chain.centre, axis=0, weights=chain.volume)
    return centre, max(float((total * 3 / (4 * np.pi)) ** (1 / 3)), float(radii.max()))


def capsules(cell: Morphology) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Start and end (N, 3), radii (N,) there, and SWC type (N,) of each process's truncated cones, x, y, z in µm.

    What leaves the soma starts at its surface with its own radius; free ends go on for 2/3 of their radius, which adds the volume of a
    half ball.
    """
    centre, radius = ball(cell)
    nodes = np.flatnonzero((cell.kind != SOMA) & (cell.parent >= 0))
    parent = cell.parent[nodes]
    start, first = cell.points[parent].copy(), cell.radius[parent].copy()
    end, last = cell.points[nodes].copy(), cell.radius[nodes].copy()
    roots = cell.kind[parent] == SOMA
    way = end[roots] - centre
    far = np.linalg.norm(way, axis=1, keepdims=True)
    start[roots] = centre + way * np.minimum(radius / np.maximum(far, 1e-9), 1)
    first[roots] = last[roots]
    length = np.linalg.norm(end - start, axis=1)
    free = ~np.isin(nodes, cell.parent) & (length > 0)
    cap = end[free] + (2 / 3 * last[free] / length[free])[:, None] * (end - start)[free]
    ends, columns = (end[free], cap, last[free], last[free], cell.kind[nodes[free]]), (start, end, first, last, cell.kind[nodes])
    start, end, first, last, kind = (np.concatenate(pair) for pair in zip(columns, ends, strict=True))
    real = np.linalg.norm(end - start, axis=1) > 1e-6
    return start[real], end[real], first[real], last[real], kind[real]


def traced(cell: Morphology, spacing: float) -> Traced:
    """The soma as a ball, the processes in pieces no longer than `spacing` (µm)."""
    centre, radius = ball(cell)
    start, end, first, last, kind = capsules(cell)
    number = np.maximum(np.ceil(np.linalg.norm(end - start, axis=1) / spacing).astype(int), 1)
    pieces = cut((start - centre)[:, ::-1], (end - centre)[:, ::-1], first, last, spacing)
    kind = np.repeat(kind, number)
    outside = (np.linalg.norm(pieces.centre, axis=1) > 0.95 * radius) & (pieces.volume > 0)
    apical = (cell.points[cell.kind == APICAL].mean(axis=0) - centre)[::-1] if (cell.kind == APICAL).any() else np.zeros(3)
    length = float(np.linalg.norm(apical))
    return Traced(radius, pieces[outside], kind[outside] == AXON, apical / length if length > 0 else apical)


@lru_cache(maxsize=4096)
def load(name: str, time: int, size: int, spacing: float) -> Traced:
    """The cell of a file, read once for each state of the file.

    Raises:
        UserError: the file is no SWC file, or its soma is no soma.
    """
    path = Path(name)
    cell = traced(read_swc(path), spacing)
    if not RADII[0] <= cell.radius <= RADII[1]:
        raise UserError(f"{path}: the soma has a radius of {cell.radius:.3g} µm; SWC files must be in µm, with radii")
    return cell
