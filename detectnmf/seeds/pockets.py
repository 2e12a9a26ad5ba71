"""`Pockets`: places where something departs from rest for a while, either way (oxygen dips and surges)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage, sparse
from torch import Tensor

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.errors import UserError
from detectnmf.events.grid import Grid
from detectnmf.events.scan import lengths, span, strongest, weakest
from detectnmf.runtime import Runtime

HELD = 0.5  # of a departure in the residual that the movie itself must show with the same sign: else it is what a neighbour's fit left
SHADOW = 0.8  # of the widths of two filters, that far apart they do not see the same event
FAINT = 0.3  # of the strongest square: squares below belong to no seed


@dataclass(frozen=True)
class Pockets:
    """The residual through matched filters of several widths and durations; what stands out of the noise, each with some room around it.

    What lies in the shadow of a stronger one is found in the next pass, on what that one leaves.

    Args:
        widths: of the filters in space (diameters of an event). durations: in time (s).
        alpha: the demixer's price of a square (units of noise), which decides afterwards. smallest: squares of an event, at least. What is
            weaker than the weakest event of that size at that price is no seed.
        room: no second seed within this distance of a stronger one (diameters, beyond what their filters see), while it lasts.
    """

    widths: tuple[float, ...] = (0.4, 0.8, 1.6, 3.2)
    durations: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    alpha: float = 3.0
    smallest: int = 3
    room: float = 0.5

    def __post_init__(self) -> None:
        for name in ("widths", "durations"):
            values = getattr(self, name)
            if not values or min(values) <= 0:
                raise UserError(f"seeder.pockets.{name} must be one or more numbers above 0, got {list(values)}")
        if not self.alpha >= 0 or self.smallest < 1:
            raise UserError(f"seeder.pockets: alpha must be 0 or more and smallest at least 1, got {self.alpha} and {self.smallest}")

    @property
    def least(self) -> float:
        """Departure from rest, units of noise."""
        return weakest(self.alpha, self.smallest)

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        grid = Grid.of(movie, diameter)
        if not len(grid):
            return Components.empty(movie.size)
        left = grid.courses(movie, model)
        left -= left.median(dim=1, keepdim=True).values  # at rest: the mean lies on the side of the events
        durations = lengths(self.durations, movie.rate, len(movie))
        best, wide, long = self._departures(left, grid, diameter, durations)
        seeds, scores = [], []
        whole = grid.courses(movie) if len(model) else left
        whole = whole - whole.median(dim=1, keepdim=True).values
        for square, middle in self._peaks(best, wide, long, grid, diameter, durations):
            length, width = durations[long[square, middle]], self.widths[wide[square, middle]]
            frames = slice(*span(middle, length, len(movie)))
            sign = float(np.sign(best[square, middle]))
            footprint = self._footprint(left[:, frames], sign, square, width * diameter / grid.edge, grid)
            if len(model):
                own = torch.from_numpy(footprint).to(left)
                now, before = (float((own @ x[:, frames]).sum()) * sign for x in (left, whole))
                if before < HELD * now:
                    continue
            if footprint.any():
                seeds.append(sparse.csc_array(footprint[:, None]))
                scores.append(1 - np.exp(-abs(best[square, middle]) / self.least))
        if not seeds:
            return Components.empty(movie.size)
        footprints = grid.footprints(sparse.csc_array(sparse.hstack(seeds)))
        return Components(footprints, movie.size, score=np.array(scores, np.float32))

    def _departures(self, left: Tensor, grid: Grid, diameter: float, durations: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(G, T) the largest departure over all filters; which width, and which duration."""
        best = torch.zeros_like(left)
        wide, long = (torch.zeros(left.shape, dtype=torch.uint8, device=left.device) for _ in range(2))
        image = torch.zeros((*grid.shape, left.shape[1]), device=left.device)
        image[tuple(torch.from_numpy(one).to(left.device) for one in grid.place.T)] = left
        there = torch.from_numpy((grid.index >= 0).astype(np.float32)).to(left.device)
        rows, columns = (torch.from_numpy(one).to(left.device) for one in grid.place.T)
        for number, width in enumerate(self.widths):
            down, across = (bell(n, width * diameter / grid.edge).to(left.device) for n in grid.shape)
            smooth = (across @ (down @ image.flatten(1)).view_as(image))[rows, columns]
            norm = (down.square() @ there @ across.square().T).sqrt()[rows, columns]
            found, which = strongest(smooth / norm[:, None], durations)
            more = found.abs() > best.abs()
            best = torch.where(more, found, best)
            long = torch.where(more, which, long)
            wide.masked_fill_(more, number)
        return best.cpu().numpy(), wide.cpu().numpy(), long.cpu().numpy()

    def _peaks(
        self, best: np.ndarray, wide: np.ndarray, long: np.ndarray, grid: Grid, diameter: float, durations: list[int]
    ) -> list[tuple[int, int]]:
        """(square, frame) of each seed, strongest first; none whose filter reaches into a stronger one's."""
        height = np.abs(best)
        image = grid.images(height)
        places = np.argwhere((height >= self.least) & (height >= ndimage.maximum_filter(image, 3)[tuple(grid.place.T)]))
        places = places[np.argsort(-height[tuple(places.T)], kind="stable")]
        width = np.array(self.widths)[wide[tuple(places.T)]] * diameter / grid.edge
        length = np.array(durations)[long[tuple(places.T)]]
        row, column = grid.place[places[:, 0]].T
        left = np.ones(len(places), bool)
        peaks = []
        for k in range(len(places)):
            if left[k]:
                peaks.append((int(places[k, 0]), int(places[k, 1])))
                reach = SHADOW * (width + width[k]) + self.room * diameter / grid.edge
                near = (row - row[k]) ** 2 + (column - column[k]) ** 2 <= reach**2
                left &= ~(near & (np.abs(places[:, 1] - places[k, 1]) <= length + length[k]))
        return peaks

    def _footprint(self, film: Tensor, sign: float, square: int, width: float, grid: Grid) -> np.ndarray:
        """(G,) >= 0: the connected squares about a peak that depart with it."""
        size = film.shape[1] ** 0.5
        image = grid.images(sign * film.sum(dim=1).cpu().numpy() / size)
        soft = ndimage.gaussian_filter(image, min(1.0, width / 4))
        row, column = grid.place[square]
        near = np.hypot(*(np.indices(grid.shape) - np.array([row, column])[:, None, None])) <= max(1.5 * width, 1.5)
        seen = near & (soft > FAINT * soft[near].max()) & (soft > 0)
        labels, _ = ndimage.label(seen, np.ones((3, 3)))
        at = np.unravel_index(np.where(near, soft, -np.inf).argmax(), grid.shape)
        mask = seen & (labels == labels[at])
        return np.asarray(np.where(mask, soft, 0)[tuple(grid.place.T)], np.float32)


def bell(n: int, width: float) -> Tensor:
    """(n, n) Gaussian weights of full width at half maximum `width` between n places."""
    away = torch.arange(n, dtype=torch.float32)
    return torch.exp(-4 * np.log(2) * ((away[:, None] - away) / max(width, 0.1)) ** 2)
