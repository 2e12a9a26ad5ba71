"""`SignedEvents`: the components of a signed demixing as events that grow, move and fade, measured in the movie itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from detectnmf.compressed import is_nothing
from detectnmf.errors import UserError
from detectnmf.event_table import Described, EventTable, describe, smooth, tabulate
from detectnmf.events.grid import Grid
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime

BORDER = 2  # squares around an event that are looked at, too
DARK = 0.2  # of the noise: a movie without its light, as after enhance.relative=false
EDGE = 0.5  # of a footprint's maximum


@dataclass(frozen=True)
class SignedEvents:
    """One event per component, or per set of components that are the same event in parts: an event that moves or grows needs several.

    Each event is measured in the movie without the background and what belongs to the others.

    Args:
        least_dip, least_surge: greatest change relative to the baseline, at least. Tissue glows by itself, slowly and only upwards, by 0.02
            to 0.04 of its light, and nothing in the shape of that tells it from a weak surge.
        saddle: two components are one event where what lies between them, in space and time, stays above this share of the lower one.
    """

    least_dip: float = 0.0
    least_surge: float = 0.04
    saddle: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.saddle <= 1:
            raise UserError(f"events.saddle must be above 0 and at most 1, got {self.saddle}")

    def __call__(self, result: DemixResult, runtime: Runtime) -> EventTable:
        """See `EventReader`.

        Raises:
            UserError: the result holds no movie or no traces.
        """
        movie, cells = result.movie, result.cells
        if movie is None or cells.traces is None:
            raise UserError(f"{result.name}: the result holds no {'movie' if movie is None else 'traces'}: there are no events to measure")
        if not len(cells):
            return EventTable.empty(movie.size)
        grid = Grid.of(movie, 2 * np.sqrt(np.median(np.diff(cells.footprints.indptr)) / np.pi))
        std = movie.std.ravel()
        A = grid.coarse(sparse.csc_array(sparse.diags_array(1 / std) @ cells.footprints))
        C = np.asarray(cells.traces, np.float32)
        B = result.background.V.to(movie.device)
        Y = grid.courses(movie if B.shape != movie.V.shape or is_nothing(B) else movie.with_V(movie.V - B)).cpu().numpy()
        rest = Y.mean(axis=1) - A @ C.mean(axis=1)
        light = (np.abs(movie.mean).ravel() @ np.abs(grid.basis)) / np.maximum(np.asarray(np.abs(grid.basis).sum(axis=0)).ravel(), 1e-12)
        if np.median(np.abs(movie.mean)) < DARK * np.median(std):
            light = np.ones_like(light)  # no light to be relative to: changes are in the recording's units
        pixels = np.diff(sparse.csc_array(grid.basis).indptr)
        noise = (std @ grid.basis) * grid.noise / np.maximum(pixels * light, 1e-12)  # of a square, relative to its light
        found = []
        for parts in self._linked(A, C, Y, rest, grid):
            one = self._measure(parts, A, C, Y, rest, noise, grid, movie.rate, movie.pixel_size)
            if one is not None:
                found.append(one)
        return tabulate(found, movie.size)

    def _linked(self, A: sparse.csc_array, C: np.ndarray, Y: np.ndarray, rest: np.ndarray, grid: Grid) -> list[np.ndarray]:
        """Components of each event: linked where the movie, in squares that two of them share or where they touch, does not come back
        to rest between one's greatest height and the other's.
        """
        peak = np.abs(C).argmax(axis=1)
        sign = np.sign(C[np.arange(len(C)), peak])
        height = A.max(axis=0).toarray().ravel()
        core = A.copy()
        core.data = (A.data > EDGE * np.repeat(height, np.diff(A.indptr))).astype(np.float32)
        core.eliminate_zeros()
        near = touching(grid)
        pairs = sparse.coo_array(sparse.triu(core.T @ near @ core, 1))
        first = [(c != 0).argmax() for c in C]
        last = [len(c) - (c[::-1] != 0).argmax() for c in C]
        links = [
            (k, j)
            for k, j in zip(pairs.row, pairs.col, strict=True)
            if sign[k] == sign[j]
            and first[k] <= last[j] + 1
            and first[j] <= last[k] + 1
            and self._lasts(core[:, [k]], core[:, [j]], near, sign[k] * Y, sign[k] * rest, *sorted((int(peak[k]), int(peak[j]))))
        ]
        rows, columns = np.array(links, int).reshape(-1, 2).T
        graph = sparse.csr_array((np.ones(len(links)), (rows, columns)), shape=(len(C), len(C)))
        count, label = connected_components(graph, directed=False)
        return [np.flatnonzero(label == event) for event in range(count)]

    def _lasts(
        self, one: sparse.csc_array, other: sparse.csc_array, near: sparse.csr_array, Y: np.ndarray, rest: np.ndarray, start: int, stop: int
    ) -> bool:
        """Whether the squares between two cores stay high from one peak to the other."""
        shared = np.intersect1d(one.indices, other.indices)
        if not len(shared):
            shared = np.intersect1d(sparse.csc_array(near @ one).indices, sparse.csc_array(near @ other).indices)
        low, high = max(0, start - 1), stop + 2

        def course(squares: np.ndarray) -> np.ndarray:
            return smooth(Y[squares, low:high].mean(axis=0) - rest[squares].mean())[start - low : stop - low + 1]

        heights = [course(core.indices).max() for core in (one, other)]
        return len(shared) > 0 and bool(course(shared).min() >= self.saddle * min(heights))

    def _measure(
        self,
        parts: np.ndarray,
        A: sparse.csc_array,
        C: np.ndarray,
        Y: np.ndarray,
        rest: np.ndarray,
        noise: np.ndarray,
        grid: Grid,
        rate: float,
        pixel_size: float,
    ) -> tuple[Described, tuple[int, int], int, float] | None:
        """What is to be tabulated of one event; None if it is too weak."""
        frames = np.flatnonzero((C[parts] != 0).any(axis=0))
        first, last = int(frames[0]), int(frames[-1]) + 1
        mine = np.unique(A[:, parts].indices)
        low = np.maximum(grid.place[mine].min(axis=0) - BORDER, 0)
        high = np.minimum(grid.place[mine].max(axis=0) + BORDER + 1, grid.shape)
        window = grid.index[low[0] : high[0], low[1] : high[1]]
        squares = window[window >= 0]
        model = A[squares][:, parts] @ C[parts, first:last]
        evidence = float(np.sqrt((model**2).sum()))
        others = sparse.csr_array(A[squares])
        near = np.setdiff1d(np.unique(others.indices), parts)
        film = Y[squares, first:last] - rest[squares, None] - others[:, near] @ C[near, first:last]
        image = np.zeros((last - first, *window.shape), np.float32)
        image[:, window >= 0] = (film * noise[squares, None]).T
        hint = np.zeros(window.shape, np.float32)
        hint[window >= 0] = np.abs(model).max(axis=1) * noise[squares]
        fine, sharp = (enlarged(x, grid.edge) for x in (image, hint[None]))
        one = describe(fine, sharp[0], rate, pixel_size, (first == 0, last == C.shape[1]))
        if one is None or (not one.values["depth"] < -self.least_dip and not one.values["depth"] > self.least_surge):
            return None
        for name in ("onset", "peak"):
            one.values[name] += first / rate
        return one, (int(low[0]) * grid.edge, int(low[1]) * grid.edge), first, evidence


def touching(grid: Grid) -> sparse.csr_array:
    """(G, G) 1 for a square itself and its eight neighbours."""
    index = np.pad(grid.index, 1, constant_values=-1)
    rows, columns = grid.place.T + 1
    around = np.stack([index[rows + y, columns + x] for y in (-1, 0, 1) for x in (-1, 0, 1)], axis=1)
    there = around >= 0
    return sparse.csr_array(
        (np.ones(there.sum(), np.float32), around[there], np.cumsum([0, *there.sum(axis=1)])), shape=(len(grid), len(grid))
    )


def enlarged(images: np.ndarray, edge: int) -> np.ndarray:
    """(n, h, w) squares -> (n, h · edge, w · edge) pixels, linear between the squares' centres."""
    for axis in (1, 2):
        length = images.shape[axis]
        place = np.clip((np.arange(length * edge) + 0.5) / edge - 0.5, 0, length - 1)
        low = np.minimum(place.astype(int), max(length - 2, 0))
        share = (place - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        images = np.take(images, low, axis) * (1 - share) + np.take(images, np.minimum(low + 1, length - 1), axis) * share
    return images
