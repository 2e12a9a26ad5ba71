"""Footprints that an earlier run found, as cells: flat sheets with the shapes of a real recording."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy import ndimage

from detectnmf.components import Components
from detectnmf.errors import UserError
from detectnmf.simulate.shapes.base import Shape
from detectnmf.simulate.shapes.files import existing, stamp
from detectnmf.simulate.shapes.surface import spin

FLOOR = 0.02  # pixels below this share of the maximum are left out
FINE = 0.5  # µm between points, at most
WHAT = "a result.h5, or an .npz file with footprints (K, Y, X)"


@dataclass(frozen=True)
class Sheet:
    """One footprint: (N, 3) points in µm (z = 0, centroid at the origin), (N,) height at each (maximum 1), µm² of a point."""

    points: np.ndarray
    height: np.ndarray
    area: float

    @property
    def diameter(self) -> float:
        """Of the disc with the area above half of the maximum (µm)."""
        return float(2 * np.sqrt((self.height >= 0.5).sum() * self.area / np.pi))


@dataclass(frozen=True)
class Footprints:
    """Footprints from a file, each turned at random and mirrored, as sheets in the focal plane as thick as wide.

    They were seen through the optics of their recording and are seen through this PSF once more: use a sharp one, and put
    them into the focal plane (sim.depth=[0,0]).

    Args:
        path: a result.h5 of detectnmf (or its folder), or an .npz with `footprints` (K, Y, X), and `pixel_size` (µm) if known.
        pixel_size: of the footprints (µm); null takes what the file says.
        diameter: of the disc with the area above half of the maximum, median (µm): all footprints are scaled by the same factor to
            give it; null takes their own sizes.
        scale_sd: standard deviation of each cell's own scale, relative.
        smallest: diameter (µm); smaller footprints are left out.
    """

    path: str | None = None
    pixel_size: float | None = None
    diameter: float | None = None  # a number once the file is read
    scale_sd: float = 0.05
    smallest: float = 4.0

    def __post_init__(self) -> None:
        for name in ("pixel_size", "diameter"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"shapes.{name} must be above 0 µm or null, got {value}")
        if not 0 <= self.scale_sd <= 0.5 or self.smallest < 0:
            raise UserError(f"shapes.scale_sd must lie in 0..0.5 and shapes.smallest be 0 or more, got {self.scale_sd}, {self.smallest}")
        typical = self._typical()
        if self.diameter is None:
            object.__setattr__(self, "diameter", typical)

    def _sheets(self) -> tuple[Sheet, ...]:
        path = existing(self.path, WHAT)
        return sheets_of(stamp(_file(path)), self.pixel_size, self.smallest)

    def _typical(self) -> float:
        return float(np.median([sheet.diameter for sheet in self._sheets()]))

    def draw(self, n: int, rng: np.random.Generator) -> list[Shape]:
        """n cells."""
        sheets = self._sheets()
        whole = (self.diameter or 0) / self._typical()
        return [self.draw_sheet(sheets[k], whole, rng) for k in rng.integers(len(sheets), size=n)]

    def draw_sheet(self, sheet: Sheet, whole: float, rng: np.random.Generator) -> Shape:
        """One cell, scaled by `whole` and a factor of its own."""
        scale = whole * np.exp(self.scale_sd * rng.standard_normal())
        matrix = scale * spin(rng.uniform(0, 2 * np.pi), bool(rng.integers(2)))
        return Shape(sheet.points @ matrix, sheet.height * sheet.area * sheet.diameter * scale**3)


@lru_cache(maxsize=8)
def sheets_of(state: tuple[str, int, int], pixel_size: float | None, smallest: float) -> tuple[Sheet, ...]:
    """The footprints of a file, read once for each state of the file.

    Raises:
        UserError: no such file, no footprints in it, no pixel size, or none large enough.
    """
    path = Path(state[0])
    cells, own = _read(path)
    size = pixel_size or own
    if size is None:
        raise UserError(f"{path} does not say its pixel size; give shapes.pixel_size in µm")
    sheets = [sheet(cells.image(k), size) for k in range(len(cells)) if cells.footprints[:, [k]].nnz]
    large = tuple(s for s in sheets if s.diameter >= smallest)
    if not large:
        raise UserError(f"{path}: none of {len(cells)} footprints is {smallest:g} µm wide; lower shapes.smallest")
    return large


def _file(path: Path) -> Path:
    """A result's folder stands for the result in it."""
    if path.is_dir() and not (path / "result.h5").is_file():
        raise UserError(f"shapes.path={path} has no result.h5; give {WHAT}")
    return path / "result.h5" if path.is_dir() else path


def sheet(image: np.ndarray, pixel_size: float) -> Sheet:
    """A footprint (Y, X) as points no farther apart than `FINE`, by linear interpolation."""
    image = np.where(image >= FLOOR * image.max(), image, 0) / image.max()
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    cropped = np.pad(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    n = int(np.ceil(pixel_size / FINE))
    fine = ndimage.zoom(cropped, n, order=1, mode="grid-constant", grid_mode=True) if n > 1 else cropped
    y, x = np.nonzero(fine)
    height = fine[y, x] / fine.max()
    points = np.stack([np.zeros(len(y)), y, x], axis=1) * (pixel_size / n)
    return Sheet(points - np.average(points, axis=0, weights=height), height, (pixel_size / n) ** 2)


def _read(path: Path) -> tuple[Components, float | None]:
    """Footprints and the pixel size (µm), if the file says it."""
    from detectnmf.result import load

    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            result = load(path)
            return result.cells, result.pixel_size
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                if "footprints" not in arrays:
                    raise UserError(f"{path} has no array 'footprints'; it has {', '.join(arrays)}")
                images = np.asarray(arrays["footprints"], float)
                own = float(arrays["pixel_size"]) if "pixel_size" in arrays else None
        except (OSError, ValueError, TypeError, BadZipFile) as error:
            raise UserError(f"{path} cannot be read ({' '.join(str(error).split())[:160]}); give {WHAT}") from error
    if images.ndim != 3 or not np.isfinite(images).all() or images.min(initial=0) < 0:
        raise UserError(f"{path}: footprints must be (K, Y, X), finite and 0 or more, got {images.shape}")
    return Components.from_images(images), own
