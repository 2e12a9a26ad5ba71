"""Patches around cell centres, found as local maxima or given: the start of localised HALS (Friedrich 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage, sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.demix.residual import bands, residual, usable
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.seeds.superpixels import maxima

ENOUGH_FRAMES = 1000  # time points in which a peak is sought
PEAK = 0.995  # quantile over time that counts as a cell's peak
CENTRE, SURROUND = 0.2, 2.0  # standard deviation of the Gaussian, edge of the square around it (cell diameters)
TRUNCATE = 2.5  # standard deviations at which the Gaussian ends


@dataclass(frozen=True)
class Centres:
    """A Gaussian in a square patch around each centre.

    Centres are found in what the model leaves of the movie: each frame is filtered by a Gaussian as wide as a cell less the mean around
    it, and where the filtered peaks over time are highest there are cells.

    Args:
        file: of given centres: .npy (n, 2) or text, a row and a column (px, from 0) in each line; None finds them.
        patch_diameters: edge of the patches (cell diameters).
        width_diameters: standard deviation of the Gaussians (cell diameters).
        spacing_diameters: least distance of two centres that are found (cell diameters).
        brightness: height of the filtered peaks over the noise that the recording has in this filter, at least.
    """

    file: str | None = None
    patch_diameters: float = 1.75
    width_diameters: float = 0.25
    spacing_diameters: float = 0.5
    brightness: float = 5.0

    def __post_init__(self) -> None:
        for name in ("patch_diameters", "width_diameters", "spacing_diameters"):
            if not getattr(self, name) > 0:
                raise UserError(f"seeder.centres.{name} must be above 0, got {getattr(self, name)}")
        if self.file is not None:
            read(self.file)  # a mistake in it need not wait for the movie

    def __call__(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> Components:
        """See `Seeder`. Given centres are all there are: nothing is added to a model.

        Raises:
            UserError: a given centre lies outside of the field.
        """
        if self.file is not None:
            given = inside(read(self.file), movie.size, self.file)
            return self._patches(given[: 0 if len(model) else None], np.ones(len(given)), movie, diameter)
        if not usable(movie).any():
            return Components.empty(movie.size)
        image = self.heights(movie, model, diameter, runtime)
        found = maxima(image, self.brightness, max(1.0, self.spacing_diameters * diameter))
        height = image[tuple(found.T)]
        return self._patches(found, 1 - self.brightness / np.maximum(2 * height, 1e-30), movie, diameter)

    def heights(self, movie: Compressed, model: Model, diameter: float, runtime: Runtime) -> np.ndarray:
        """(Y, X) peak over time of the filtered residual above its median, in units of the recording's noise."""
        every = max(1, len(movie) // ENOUGH_FRAMES)
        few = movie.with_V(movie.V[:, ::every].contiguous())
        model = Model(model.A, model.C[:, ::every].contiguous(), model.b, model.B[:, ::every].contiguous(), model.score)
        good = usable(movie).reshape(movie.size)
        size, reach = movie.size, round(SURROUND * diameter)
        rows = runtime.batch(size[1] * len(few) * 4 * 4, most=size[0])
        image = np.zeros(size, np.float32)
        for band, own in bands(size, max(rows, 1), reach):
            pixels = slice(band.start * size[1], band.stop * size[1])
            x = residual(few, model, pixels).cpu().numpy().reshape(band.stop - band.start, size[1], -1)
            x[~good[band]] = 0
            x = narrow(x, diameter)[own]
            middle, high = len(few) // 2, min(len(few) - 1, round(PEAK * len(few)))
            x = np.partition(x, (middle, high), axis=2)
            image[band.start + own.start : band.start + own.stop] = x[..., high] - x[..., middle]
        return np.where(good, image / filter_noise(size, diameter), 0)

    def _patches(self, centres: np.ndarray, score: np.ndarray, movie: Compressed, diameter: float) -> Components:
        """A Gaussian around each centre (n, 2), in the usable pixels of its patch."""
        good, (rows, columns) = usable(movie).reshape(movie.size), movie.size
        reach, width = max(1, round(self.patch_diameters * diameter / 2)), max(0.5, self.width_diameters * diameter)
        indices, values = [], []
        for row, column in centres:
            y = np.arange(max(0, int(row) - reach), min(rows, int(row) + reach + 1))
            x = np.arange(max(0, int(column) - reach), min(columns, int(column) + reach + 1))
            image = np.exp(-((y[:, None] - row) ** 2 + (x - column) ** 2) / (2 * width**2))
            here = good[np.ix_(y, x)]
            indices.append((y[:, None] * columns + x)[here])
            values.append(np.maximum(image[here], 1e-3))
        indptr = np.concatenate([[0], np.cumsum([len(pixels) for pixels in indices])])
        pixels, heights = (np.concatenate([np.zeros(0, kind), *parts]) for kind, parts in ((np.int64, indices), (np.float32, values)))
        footprints = sparse.csc_array((heights.astype(np.float32), pixels.astype(np.int64), indptr), shape=(good.size, len(centres)))
        return Components(footprints, movie.size, None, np.asarray(score[: len(centres)], np.float32).clip(0, 1))


def narrow(x: np.ndarray, diameter: float) -> np.ndarray:
    """(Y, X, n) images around 0, each filtered by a Gaussian as wide as a cell less the mean of a square around it."""
    width, edge = filter_size(diameter)
    fine = ndimage.gaussian_filter(x, (width, width, 0), truncate=TRUNCATE)
    return fine - ndimage.uniform_filter(x, (edge, edge, 1))


def filter_noise(size: tuple[int, int], diameter: float) -> np.ndarray:
    """(Y, X) standard deviation of white noise of deviation 1 after `narrow`; more at the edges, where images are reflected."""
    width, edge = filter_size(diameter)
    fine = [ndimage.gaussian_filter1d(np.eye(n), width, axis=0, truncate=TRUNCATE) for n in size]
    wide = [ndimage.uniform_filter1d(np.eye(n), edge, axis=0) for n in size]

    def products(one: list[np.ndarray], other: list[np.ndarray]) -> np.ndarray:
        return np.outer(*((a * b).sum(axis=1) for a, b in zip(one, other, strict=True)))

    return np.sqrt(products(fine, fine) - 2 * products(fine, wide) + products(wide, wide))


def filter_size(diameter: float) -> tuple[float, int]:
    """Standard deviation of the Gaussian and edge of the square (px)."""
    return CENTRE * diameter, 2 * (round(SURROUND * diameter) // 2) + 1


def read(file: str) -> np.ndarray:
    """(n, 2) centres of a file.

    Raises:
        UserError: there is no such file, or it does not hold pairs of numbers.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise UserError(f"seeder.centres.file={file}: there is no such file")
    try:
        if path.suffix == ".npy":
            found = np.load(path, allow_pickle=False)
        else:
            lines = [line.replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines()]
            words = [line for line in lines if line and not line[0].startswith("#")]
            if words and not _number(words[0][0]):
                words = words[1:]  # a heading
            found = np.array([[float(word) for word in line] for line in words])
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a list of centres ({error}); a row and a column (px) in each line, or an .npy of (n, 2)") from None
    if not found.size:
        raise UserError(f"{path}: holds no centres; a row and a column (px) in each line, or leave seeder.centres.file out to find them")
    if found.ndim != 2 or found.shape[1] != 2 or not np.isfinite(found).all():
        raise UserError(f"{path}: centres must be (n, 2), a row and a column (px) each and finite, got {found.shape}")
    return found.astype(np.float64)


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def inside(centres: np.ndarray, size: tuple[int, int], file: str) -> np.ndarray:
    """The centres; raises UserError for one outside of the field."""
    out = np.flatnonzero((centres < 0).any(axis=1) | (centres > np.array(size) - 1).any(axis=1))
    if len(out):
        row, column = centres[out[0]]
        raise UserError(
            f"{file}: centre {out[0] + 1} of {len(centres)} at row {row:g}, column {column:g} is outside of {size[0]} x {size[1]} px; "
            "rows first, counted from 0"
        )
    return centres
