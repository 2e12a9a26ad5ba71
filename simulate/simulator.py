"""`Simulator`: draws scenes and renders them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.result import DemixResult
from detectnmf.simulate.background.base import Background
from detectnmf.simulate.camera import Camera
from detectnmf.simulate.footprints import Optics, Seen, normalise, project_all
from detectnmf.simulate.light import Exposure, expose
from detectnmf.simulate.movie import Movie
from detectnmf.simulate.place import scatter
from detectnmf.simulate.psf.base import PSF
from detectnmf.simulate.scene import Scene
from detectnmf.simulate.shapes.base import ShapeLibrary
from detectnmf.simulate.traces.base import TraceModel
from detectnmf.simulate.truth import summary, truth


@dataclass(frozen=True)
class Simulated:
    """A movie and what is in it.

    Args:
        recording: computed when frames are asked for; `recording.frames` is a `Movie`.
        truth: see `truth`.
        report: what was reached: cells, hidden cells, density (R_c), snr, overlap, light (see `summary`), and the share of pixels that
            may be clipped.
    """

    recording: Recording
    truth: DemixResult
    report: dict[str, Any]


@dataclass(frozen=True)
class Simulator:
    """Cells from a shape library, seen through a PSF.

    Args:
        psf, shapes, activity, neuropil, camera: the parts.
        frames: length of the movie.
        size: (Y, X) px.
        rate: Hz.
        pixel_size: µm.
        cells: how many have their soma in the field of view and in the range of depths.
        density: R_c, the mean number of footprints that cover a pixel (a footprint covers the pixels above `cut` of its
            maximum; only cells that count as truth are counted). If given, it takes the place of `cells`.
        depth: range of the somata's depths relative to the focal plane (µm). None takes the depths that the PSF sees: where a
            point gives at least half of its best, and a soma's radius more at either end.
        min_distance: between somata's centres in space, in soma diameters; 0 for random places.
        margin: cells are also placed this far outside of the frame (µm), at the same density.
        brightness: indicator in a cell at rest relative to the neuropil, mean.
        brightness_spread: its standard deviation over cells, relative (log-normal).
        snr: median over cells of the peak signal over the noise, at the cell's brightest pixel.
        visible: cells of a lower SNR are part of the background, not of the truth.
        cut: footprints end where they fall below this share of their maximum.
    """

    psf: PSF
    shapes: ShapeLibrary
    activity: TraceModel
    neuropil: Background
    camera: Camera
    frames: int = 1000
    size: tuple[int, int] = (128, 128)
    rate: float = 15.0
    pixel_size: float = 1.0
    cells: int | None = 50
    density: float | None = None
    depth: tuple[float, float] | None = None
    min_distance: float = 1.0
    margin: float = 0.0
    brightness: float = 1.6
    brightness_spread: float = 0.3
    snr: float = 8.0
    visible: float = 1.0
    cut: float = 0.02

    def __post_init__(self) -> None:
        for name in ("size", "depth"):
            value = getattr(self, name)
            if value is not None:
                if len(value) != 2:
                    raise UserError(f"sim.{name} must be two numbers, got {list(value)}")
                object.__setattr__(self, name, tuple(value))
        for name in ("frames", "rate", "pixel_size", "brightness", "snr"):
            if not getattr(self, name) > 0:
                raise UserError(f"sim.{name} must be above 0, got {getattr(self, name)}")
        if self.cells is None and self.density is None:
            raise UserError("one of sim.cells and sim.density must be given")
        if self.cells is not None and self.cells < 0:
            raise UserError(f"sim.cells must be 0 or more, got {self.cells}")
        for name in ("min_distance", "margin", "brightness_spread", "visible"):
            if getattr(self, name) < 0:
                raise UserError(f"sim.{name} must be 0 or more, got {getattr(self, name)}")
        if min(self.size) < 8:
            raise UserError(f"sim.size must be at least 8 x 8 px, got {list(self.size)}")
        if self.depth is not None and self.depth[0] > self.depth[1]:
            raise UserError(f"sim.depth must go from low to high, got {list(self.depth)}")
        if self.density is not None and not self.density > 0:
            raise UserError(f"sim.density must be above 0 cells per pixel, got {self.density}; leave it null to give sim.cells")
        if not 0 < self.cut < 1:
            raise UserError(f"sim.cut must lie between 0 and 1, got {self.cut}")
        if not np.isclose(self.psf.pixel_size, self.pixel_size):
            raise UserError(f"psf.pixel_size is {self.psf.pixel_size} µm but sim.pixel_size is {self.pixel_size} µm; make them equal")

    def __call__(self, rng: np.random.Generator) -> Simulated:
        """Draw and render."""
        return self.render(self.draw(rng))

    def draw(self, rng: np.random.Generator) -> Scene:
        """Make all random choices. Each part has its own stream, so changing one part leaves the others as they were."""
        if self.density is not None:
            return self._draw_dense(self.density, rng)
        extra = 2 * self.margin / self.pixel_size
        share = (self.size[0] + extra) * (self.size[1] + extra) / (self.size[0] * self.size[1])
        return self._draw(round((self.cells or 0) * share), rng.spawn(6))

    def _draw(self, n: int, streams: list[np.random.Generator]) -> Scene:
        where, shape, bright, active, around, noise = streams
        extent = (np.array(self.size) - 0.5) * self.pixel_size + self.margin
        top, bottom = self.depth or self.depths
        low = np.array([top, *(2 * [-0.5 * self.pixel_size - self.margin])])
        spread = np.sqrt(np.log1p(self.brightness_spread**2))
        return Scene(
            positions=scatter(n, low, np.array([bottom, *extent]), self.min_distance * self.shapes.diameter, where),
            shapes=tuple(self.shapes.draw(n, shape)),
            brightness=self.brightness * np.exp(spread * bright.standard_normal(n) - spread**2 / 2),
            activity=self.activity.draw(n, self.frames, self.rate, active),
            neuropil=self.neuropil.draw(self.frames, self.size, self.rate, self.pixel_size, around),
            seed=int(noise.integers(2**63)),
            size=self.size,
            rate=self.rate,
            pixel_size=self.pixel_size,
        )

    def _draw_dense(self, density: float, rng: np.random.Generator) -> Scene:
        """As many cells as give the density: draw too many, keep the first n."""
        pixels = self.size[0] * self.size[1]
        n = 32
        for _ in range(12):
            scene = self._draw(n, rng.spawn(6))
            seen = self.look(scene)
            counts = self.exposure(scene, seen).seen & self.inside(scene)
            covered = np.cumsum(np.diff(seen.footprints.indptr) * counts) / pixels
            if covered[-1] >= density:
                return scene.first(int(np.abs(covered - density).argmin()) + 1)
            n = int(np.clip(1.2 * n * density / max(covered[-1], 1e-9), 1.5 * n, 8 * n)) + 8
        raise UserError(f"sim.density = {density:g} cells per pixel was not reached with {n} cells; widen sim.depth or lower the density")

    @property
    def depths(self) -> tuple[float, float]:
        """The depths (µm) at which the PSF sees a soma well."""
        low, high = Optics.of(self.psf).range
        return low - self.shapes.diameter / 2, high + self.shapes.diameter / 2

    def look(self, scene: Scene) -> Seen:
        """The scene's cells through this PSF."""
        return normalise(project_all(scene.shapes, scene.positions, Optics.of(self.psf), scene.size), self.cut)

    def inside(self, scene: Scene) -> np.ndarray:
        """(K,) True where the soma's centre lies in the frame."""
        places = np.rint(scene.positions[:, 1:] / scene.pixel_size)
        return np.asarray(((places >= 0) & (places < scene.size)).all(axis=1))

    def exposure(self, scene: Scene, seen: Seen) -> Exposure:
        """The light that gives the SNR asked for."""
        rest = scene.brightness * seen.peak
        image = scene.neuropil.baseline.ravel() + seen.footprints @ (rest * (1 + scene.activity.traces.mean(axis=1)))
        peak = rest * scene.activity.traces.max(axis=1, initial=0) * self.inside(scene)
        return expose(peak, image[seen.brightest], self.camera, self.snr, self.visible)

    def render(self, scene: Scene) -> Simulated:
        """The movie and its truth; the same scene always gives the same movie.

        The light of a pixel is that of the neuropil plus brightness · footprint · (1 + dF/F) for each cell; the light source is
        turned up until the median SNR is as asked.
        """
        seen = self.look(scene)
        exposure = self.exposure(scene, seen)
        rest = (exposure.light * scene.brightness * seen.peak)[:, None]
        movie = Movie(
            baseline=(exposure.light * scene.neuropil.baseline.ravel() + seen.footprints @ rest[:, 0]).astype(np.float32),
            footprints=seen.footprints.tocsr(),
            traces=(rest * scene.activity.traces).astype(np.float32),
            spatial=scene.neuropil.spatial,
            temporal=(exposure.light * scene.neuropil.temporal).astype(np.float32),
            camera=self.camera,
            seed=scene.seed,
            size=scene.size,
        )
        result = truth(scene, movie, exposure)
        report = {**summary(result, exposure, len(scene)), "saturated": movie.saturated}
        result = replace(result, provenance={**result.provenance, "report": report})
        notes = (f"{movie.saturated:.0%} of the pixels may be clipped at the end of {movie.dtype}",) if movie.saturated > 0.001 else ()
        recording = Recording(movie, rate=scene.rate, pixel_size=scene.pixel_size, name=result.name, notes=notes)
        return Simulated(recording, result, report)
