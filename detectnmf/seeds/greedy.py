"""Greedy start of CNMF (Pnevmatikakis 2016): where the residual, seen through a Gaussian, has most energy, a rank-1 factor is taken out.

Beyond the paper the Gaussian is less the mean around it, and each factor is fitted beside light that its whole window shares: nothing is
known of the background yet, and neuropil would otherwise be taken for cells, wide ones that spoil those under them.

The movie is never formed. For a component a c taken out, the energy of the filtered residual ρ = K r changes by
−2 (K a)_p (ρ_p·c) + (K a)_p² ‖c‖², and ρ·c is the filtered image r·c, which the factors give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage, sparse
from torch import Tensor

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.prune import height
from detectnmf.demix.residual import bands, residual, usable
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime

TRUNCATE = 3.0  # standard deviations at which the Gaussian ends
ROUNDS = 5  # of image and course in a rank-1 fit
PATIENCE = 5  # components in a row that are too dim: what is left is noise
FAINT = 0.05  # of a footprint's maximum, below which it ends


@dataclass(frozen=True)
class Greedy:
    """One component after the other, each from the residual of those before.

    Args:
        most: components at most, those of the model included; None goes on until they are as dim as noise.
        width_diameters: standard deviation of the Gaussian (cell diameters).
        reach_diameters: half of the edge of the square in which a component is fitted (cell diameters).
        surround_diameters: edge of the square whose mean is taken from what the Gaussian sees (cell diameters): light that is wider
            than a cell is none; None takes nothing.
        brightness: height of a component's peaks over the recording's noise in its matched filter, at least.
    """

    most: int | None = None
    width_diameters: float = 0.25
    reach_diameters: float = 1.0
    surround_diameters: float | None = 2.0
    brightness: float = 5.0

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise UserError(f"seeder.greedy.most must be at least 1, got {self.most}; null for as many as there are")
        for name in ("width_diameters", "reach_diameters", "surround_diameters"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"seeder.greedy.{name} must be above 0, got {value}")

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """See `Seeder`."""
        good = usable(movie)
        if not good.any():
            return Components.empty(movie.size)
        width, reach = self.width_diameters * diameter, max(1, round(self.reach_diameters * diameter))
        look = Look(width, None if self.surround_diameters is None else 2 * (round(self.surround_diameters * diameter) // 2) + 1)
        left = Left(movie, model)
        energy = left.energy(look, good, runtime)
        limit = int(good.sum()) if self.most is None else self.most - len(model)
        dim = 0
        found: list[Seed] = []
        for _ in runtime.progress(range(2 * limit), "greedy", limit):
            row, column = np.unravel_index(energy.argmax(), energy.shape)
            if dim >= PATIENCE or len(found) >= limit or energy[row, column] <= 0:
                break
            seed = left.fitted(int(row), int(column), reach, look, good)
            if seed is None or seed.brightness < self.brightness:
                dim += 1
                energy[around(int(row), int(column), max(1, round(width)), movie.size)] = 0
                continue
            dim = 0
            left.take_out(seed, energy, look)
            found.append(seed)
        if not found:
            return Components.empty(movie.size)
        columns = sparse.hstack([seed.column(movie.size) for seed in found], format="csc")
        score = 1 - self.brightness / (2 * np.array([seed.brightness for seed in found]))
        return Components(sparse.csc_array(columns, dtype=np.float32), movie.size, None, score)


@dataclass(frozen=True)
class Seed:
    """One component: a window of the field, an image there (h, w) and a course (T,) >= 0; brightness in units of noise."""

    window: tuple[slice, slice]
    image: np.ndarray
    course: Tensor
    brightness: float

    def column(self, size: tuple[int, int]) -> sparse.csc_array:
        """(P, 1) footprint with a maximum of 1, without its faint edge."""
        image = np.where(self.image > FAINT * self.image.max(), self.image / self.image.max(), 0)
        y, x = np.nonzero(image)
        pixels = (y + self.window[0].start) * size[1] + x + self.window[1].start
        return sparse.csc_array((image[y, x], (pixels, np.zeros(len(y), np.int64))), shape=(size[0] * size[1], 1))


@dataclass(frozen=True)
class Look:
    """A Gaussian less the mean of a square around it.

    Args:
        width: standard deviation of the Gaussian (px). edge: of the square (px, odd), None for the Gaussian alone.
    """

    width: float
    edge: int | None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(Y, X, n) images, seen so; mirrored at the border, where there is a square."""
        if self.edge is None:
            return np.asarray(ndimage.gaussian_filter(x, (self.width, self.width, 0), truncate=TRUNCATE, mode="constant"))
        fine = ndimage.gaussian_filter(x, (self.width, self.width, 0), truncate=TRUNCATE)
        return np.asarray(fine - ndimage.uniform_filter(x, (self.edge, self.edge, 1)))

    @property
    def halo(self) -> int:
        """Pixels to each side that it sees."""
        return max(int(np.ceil(TRUNCATE * self.width)) + 1, (self.edge or 0) // 2 + 1)

    def against_the_rest(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """(h, w) what sees an image, but no light that is a plane over the mask."""
        if self.edge is None:
            return image
        y, x = np.nonzero(mask)
        plane, _ = np.linalg.qr(np.stack([np.ones(len(y)), y, x], axis=1))
        found = np.zeros(image.shape)
        found[y, x] = image[y, x] - plane @ (plane.T @ image[y, x])
        return found


class Left:
    """What a model and the components found since leave of a movie, centred in time."""

    def __init__(self, movie: Compressed, model: Model) -> None:
        self.movie, self.model = movie, model
        V = movie.V - model.B
        self.V = V - V.mean(dim=1, keepdim=True)
        self.C = model.C - model.C.mean(dim=1, keepdim=True) if len(model) else model.C
        self.noise = noise_kept(movie)
        self.taken: list[Seed] = []
        self.courses = torch.zeros((0, len(movie)), device=movie.device)  # centred

    def energy(self, look: Look, good: np.ndarray, runtime: Runtime) -> np.ndarray:
        """(Y, X) of the filtered residual over time; 0 at bad pixels."""
        size, halo = self.movie.size, look.halo
        image = np.zeros(size)
        rows = runtime.batch(size[1] * len(self.movie) * 4 * 4, most=size[0])
        usable_ = good.reshape(size)
        for band, own in bands(size, rows, halo):
            x = residual(self.movie, self.model, slice(band.start * size[1], band.stop * size[1])).cpu().numpy()
            x = (x - x.mean(axis=1, keepdims=True)).reshape(band.stop - band.start, size[1], -1)
            x[~usable_[band]] = 0
            seen = look(x)[own]
            image[band.start + own.start : band.start + own.stop] = np.einsum("yxt,yxt->yx", seen, seen, dtype=np.float64)
        return np.where(usable_, image, 0)

    def along(self, course: Tensor, pixels: np.ndarray) -> np.ndarray:
        """(n,) products over time of the residual at pixels (n,) with a course (T,)."""
        found = self.movie.U.csr[pixels] @ (self.V @ course).cpu().numpy()
        if len(self.model):
            found = found - self.model.A.csr[pixels] @ (self.C @ course).cpu().numpy()
        shares = (self.courses @ course).cpu().numpy()
        canvas = np.zeros(self.movie.size)
        for seed, share in zip(self.taken, shares.tolist(), strict=True):
            canvas[seed.window] += share * seed.image
        return np.asarray(found - canvas.ravel()[pixels], np.float64)

    def through(self, image: np.ndarray, window: tuple[slice, slice]) -> Tensor:
        """(T,) the residual seen through an image in a window: Σ image · r."""
        pixels, weights = inside(window, self.movie.size), image.ravel().astype(np.float32)
        seen = torch.from_numpy(np.asarray(self.movie.U.csr[pixels].T @ weights, np.float32)).to(self.V.device) @ self.V
        if len(self.model):
            seen = seen - torch.from_numpy(np.asarray(self.model.A.csr[pixels].T @ weights, np.float32)).to(self.V.device) @ self.C
        if self.taken:
            canvas = np.zeros(self.movie.size)
            canvas[window] = image
            shares = [float((canvas[seed.window] * seed.image).sum()) for seed in self.taken]
            seen = seen - torch.tensor(shares, dtype=torch.float32, device=self.V.device) @ self.courses
        return seen

    def fitted(self, row: int, column: int, reach: int, look: Look, good: np.ndarray) -> Seed | None:
        """The rank-1 non-negative factor around a pixel, beside light that the whole window shares; None where there is none."""
        window = around(row, column, reach, self.movie.size)
        pixels, mask = inside(window, self.movie.size), good.reshape(self.movie.size)[window]
        y, x = np.mgrid[window]
        image = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * look.width**2)) * mask
        for _ in range(ROUNDS):
            filter_ = look.against_the_rest(image, mask)
            power = float((filter_ * image).sum())
            if power <= 0:
                return None
            course = self.through(filter_, window) / power
            course = (course - course.median()).clamp_min(0)
            flat = course - course.mean()
            energy = float(flat @ flat)
            if energy <= 0:
                return None
            image = np.maximum(self.along(flat, pixels).reshape(mask.shape) / energy, 0) * mask
        bright = float(np.linalg.norm(look.against_the_rest(image, mask))) * float(height(course[None])[0])
        by_chance = 1 + self.noise * (image.size / len(self.movie)) ** 0.5  # what a rank-1 fit makes of white noise: singular values
        return Seed(window, image, course, bright / by_chance) if image.max() > 0 else None

    def take_out(self, seed: Seed, energy: np.ndarray, look: Look) -> None:
        """Subtract a component, and bring the energy (Y, X) up to date, in place."""
        size, halo = self.movie.size, look.halo
        flat = seed.course - seed.course.mean()
        wide, near = grown(seed.window, 2 * halo, size), grown(seed.window, halo, size)
        own = tuple(slice(n.start - w.start, n.stop - w.start) for n, w in zip(near, wide, strict=True))
        image = np.zeros([w.stop - w.start for w in wide])
        image[tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(seed.window, wide, strict=True))] = seed.image
        product = self.along(flat, inside(wide, size)).reshape(image.shape)
        share, product = (look(part[:, :, None])[:, :, 0][own] for part in (image, product))
        changed = energy[near] - 2 * share * product + share**2 * float(flat @ flat)
        energy[near] = np.where(energy[near] > 0, np.maximum(changed, 0), 0)
        self.taken.append(seed)
        self.courses = torch.cat([self.courses, flat[None]])


def noise_kept(movie: Compressed) -> float:
    """Root mean square over pixels of the noise that the projection on the movie's bases leaves (units of noise); 1 where all is kept."""
    if movie.U_local is None:
        return 0.0
    both = movie.U.gram.multiply(movie.U_local.gram)
    return float(np.sqrt((2 * both.sum() - both.diagonal().sum()) / max(int(usable(movie).sum()), 1)))


def around(row: int, column: int, reach: int, size: tuple[int, int]) -> tuple[slice, slice]:
    """The square around a pixel, inside the field."""
    return grown((slice(row, row + 1), slice(column, column + 1)), reach, size)


def grown(window: tuple[slice, slice], by: int, size: tuple[int, int]) -> tuple[slice, slice]:
    """A window larger by so many pixels on each side, inside the field."""
    rows, columns = (slice(max(0, one.start - by), min(edge, one.stop + by)) for one, edge in zip(window, size, strict=True))
    return rows, columns


def inside(window: tuple[slice, slice], size: tuple[int, int]) -> np.ndarray:
    """(n,) pixels of a window."""
    return np.arange(size[0] * size[1]).reshape(size)[window].ravel()
