"""`Simulator`: draws scenes and renders them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.result import DemixResult
from detectnmf.simulate.background.base import Background
from detectnmf.simulate.camera import Camera
from detectnmf.simulate.checks import check
from detectnmf.simulate.drift import Drift, Steady
from detectnmf.simulate.events import true_events
from detectnmf.simulate.faults import Faultless, Faults
from detectnmf.simulate.footprints import Seen, look
from detectnmf.simulate.illumination.base import Even, IlluminationModel
from detectnmf.simulate.light import Exposure, expose, given, heights
from detectnmf.simulate.motion.base import Motion, Still
from detectnmf.simulate.movie import Movie
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.place import scatter
from detectnmf.simulate.psf.base import PSF
from detectnmf.simulate.scene import Scene
from detectnmf.simulate.shapes.base import Shape, ShapeLibrary
from detectnmf.simulate.sources import Sources, sources
from detectnmf.simulate.traces.base import Activity, TraceModel
from detectnmf.simulate.traces.per_kind import PerKind
from detectnmf.simulate.truth import summary, truth

STREAMS = 10  # one for each part that draws
MOST_CELLS = 20_000  # that are tried for a density


@dataclass(frozen=True)
class Simulated:
    """A movie and what is in it.

    Args:
        recording: computed when frames are asked for; `recording.frames` is a `Movie`.
        truth: see `truth`.
        report: what was reached: cells, hidden cells, density (R_c), snr, overlap, light (see `summary`), the signal level, and the share
            of pixels that may be clipped.
    """

    recording: Recording
    truth: DemixResult
    report: dict[str, Any]

    def to(self, device: torch.device | str) -> Simulated:
        """The same movie, its light computed on another device."""
        frames = self.recording.frames
        return replace(self, recording=replace(self.recording, frames=frames.to(device) if isinstance(frames, Movie) else frames))


@dataclass(frozen=True)
class Simulator:
    """Cells from a shape library, seen through a PSF.

    Args:
        psf, shapes, activity, neuropil, camera, illumination, motion, drift, faults: the parts.
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
        margin: cells are also placed this far outside of the frame (µm), at the same density; never less than motion reaches.
        follow_light: 0 places cells evenly; at 1 their density follows the light of the neuropil, at 2 its square.
        brightness: indicator in a cell at rest relative to the neuropil, mean.
        brightness_spread: its standard deviation over cells, relative (log-normal).
        rest: fluorescence of a cell at rest relative to `brightness`; 0 for cells that are dark when silent.
        modulate: cells change the neuropil's light by their dF/F instead of adding their own (bioluminescence); brightness does not count.
        displace: share of the neuropil's light that a cell in its place takes away; the rest comes from out of focus.
        snr: median over cells of the peak signal over the noise, at the cell's brightest pixel; the light is turned up until it is so.
        light: photons per pixel and frame of the neuropil. If given, it takes the place of `snr`.
        level: signal level: median over cells of the peak signal over the light of neuropil without cells, at the cell's brightest
            pixel; all cells are made brighter or dimmer until it is so. None leaves them as `brightness` says.
        visible: cells of a lower SNR are part of the background, not of the truth.
        blurred: cells that look larger than so many soma diameters (at half of their maximum) are too, being out of focus.
        cut: footprints end where they fall below this share of their maximum.
    """

    psf: PSF
    shapes: ShapeLibrary
    activity: TraceModel
    neuropil: Background
    camera: Camera
    illumination: IlluminationModel = field(default_factory=Even)
    motion: Motion = field(default_factory=Still)
    drift: Drift = field(default_factory=Steady)
    faults: Faults = field(default_factory=Faultless)
    frames: int = 1000
    size: tuple[int, int] = (128, 128)
    rate: float = 15.0
    pixel_size: float = 1.0
    cells: int | None = 50
    density: float | None = None
    depth: tuple[float, float] | None = None
    min_distance: float = 1.0
    margin: float = 0.0
    follow_light: float = 0.0
    brightness: float = 1.6
    brightness_spread: float = 0.3
    rest: float = 1.0
    modulate: bool = False
    displace: float = 0.7
    snr: float | None = 8.0
    light: float | None = None
    level: float | None = None
    visible: float = 1.0
    blurred: float = 3.0
    cut: float = 0.02

    def __post_init__(self) -> None:
        for name in ("size", "depth"):
            value = getattr(self, name)
            if value is not None:
                if len(value) != 2:
                    raise UserError(f"sim.{name} must be two numbers, got {list(value)}")
                object.__setattr__(self, name, tuple(value))
        check(self)

    def __call__(self, rng: np.random.Generator) -> Simulated:
        """Draw and render."""
        return self.render(self.draw(rng))

    @cached_property
    def optics(self) -> Optics:
        """The PSF made fast."""
        return Optics.of(self.psf)

    @property
    def depths(self) -> tuple[float, float]:
        """The depths (µm) at which the PSF sees a soma well."""
        low, high = self.optics.range
        return low - self.shapes.diameter / 2, high + self.shapes.diameter / 2

    @property
    def border(self) -> int:
        """px around the frame that may move into view."""
        return int(np.ceil(self.motion.reach / self.pixel_size)) + 4 if self.motion.reach else 0

    def draw(self, rng: np.random.Generator) -> Scene:
        """Make all random choices. Each part has its own stream, so changing one part leaves the others as they were."""
        if self.density is not None:
            return self._draw_dense(self.density, rng)
        extra = 2 * self._margin / self.pixel_size
        share = (self.size[0] + extra) * (self.size[1] + extra) / (self.size[0] * self.size[1])
        n = round((self.cells or 0) * share)
        if n > 10 * MOST_CELLS:
            raise UserError(f"sim.cells = {self.cells} and sim.margin = {self.margin:g} µm ask for {n} cells; lower them")
        return self._draw(n, rng.spawn(STREAMS))

    @property
    def _margin(self) -> float:
        return max(self.margin, self.border * self.pixel_size)

    def _draw(self, n: int, streams: list[np.random.Generator]) -> Scene:
        where, shape, bright, active, around, noise, lamp, move, fade, disk = streams
        field = self.size[0] + 2 * self.border, self.size[1] + 2 * self.border
        acquired = self.faults.draw(self.frames, self.size, self.rate, disk)
        frames = int(acquired.index[-1]) + 1
        surroundings = frames, field, self.rate, self.pixel_size
        neuropil = self.neuropil.draw(*surroundings, around)
        illumination = self.illumination.draw(*surroundings, lamp)
        beyond = self._margin - self.border * self.pixel_size  # µm outside of the field
        top, bottom = self.depth or self.depths
        low = np.array([top, *(2 * [-0.5 * self.pixel_size - beyond])])
        high = np.array([bottom, *((np.array(field) - 0.5) * self.pixel_size + beyond)])
        glow = (neuropil.baseline * illumination.profile * illumination.tissue) ** self.follow_light
        spread = np.sqrt(np.log1p(self.brightness_spread**2))
        positions = scatter(n, low, high, self.min_distance * self.shapes.diameter, where, glow, self.pixel_size)
        shapes = tuple(self.shapes.draw(n, shape))
        return Scene(
            positions=positions,
            shapes=shapes,
            brightness=self.brightness * np.exp(spread * bright.standard_normal(n) - spread**2 / 2),
            activity=self._activity(shapes, frames, active),
            neuropil=neuropil,
            illumination=illumination,
            drift=self.drift.draw(frames, self.rate, fade),
            shifts=self.motion.shifts(frames, self.size, self.rate, self.pixel_size, move),
            acquired=acquired,
            seed=int(noise.integers(2**63)),
            size=self.size,
            border=self.border,
            rate=self.rate,
            pixel_size=self.pixel_size,
        )

    def _activity(self, shapes: tuple[Shape, ...], frames: int, rng: np.random.Generator) -> Activity:
        kinds = [shape.kind for shape in shapes]
        if isinstance(self.activity, PerKind) and any(kinds):
            return self.activity.for_kinds(kinds, frames, self.rate, rng)
        return self.activity.draw(len(shapes), frames, self.rate, rng)

    def _draw_dense(self, density: float, rng: np.random.Generator) -> Scene:
        """As many cells as give the density: draw too many, keep the first n."""
        n = 32
        while True:
            scene = self._draw(n, rng.spawn(STREAMS))
            seen = self.look(scene)
            peak, level = self._outstanding(scene, seen, self.shine(scene, seen))
            area = np.diff(seen.whole.tocsr()[scene.pixels].tocsc().indptr)
            covered = partial(self._covered, peak=peak, level=level, area=area)
            reached = covered(n)
            if reached >= density:
                best = bisect_left(range(n), density, key=covered)
                return scene.first(min(range(max(best - 2, 1), min(best + 3, n + 1)), key=lambda n: abs(covered(n) - density)))
            needed = 1.2 * n * density / reached if reached else 8 * n
            if needed > MOST_CELLS or (not reached and n > 200):
                break
            n = int(min(needed, 8 * n)) + 8
        raise UserError(
            f"sim.density = {density:g} footprints over a pixel is out of reach: {len(scene)} cells give {reached:.3g}; lower it, "
            "widen sim.depth, or let more cells count (sim.visible, sim.blurred)"
        )

    def _covered(self, n: int, peak: np.ndarray, level: np.ndarray, area: np.ndarray) -> float:
        """The density of the first n cells. How many of them count depends on the light, which depends on which are there."""
        return float(area[:n] @ self._exposure(peak[:n], level[:n]).seen) / (self.size[0] * self.size[1])

    def look(self, scene: Scene) -> Seen:
        """The scene's cells through this PSF."""
        return look(scene.shapes, scene.positions, self.optics, scene.field, self.cut)

    def shine(self, scene: Scene, seen: Seen) -> Sources:
        """All light in the field, relative to the neuropil's; at the signal level asked for."""
        source = sources(scene, seen, self.optics, self.rest, self.modulate, self.displace)
        reached = 0.0 if self.level is None else self._level(scene, seen, source)
        return source.brighter(self.level / reached) if self.level is not None and reached > 0 else source

    def _level(self, scene: Scene, seen: Seen, source: Sources) -> float:
        """Median of peak over neuropil, of all cells in the frame and in focus, however dim."""
        height = heights(scene, source)
        counts = self._countable(scene, seen) & (height.peak > 0) & (height.ground > 0)
        return float(np.median(height.peak[counts] / height.ground[counts])) if counts.any() else 0.0

    def expose(self, scene: Scene, seen: Seen, source: Sources) -> Exposure:
        """The light, as given or such that the SNR is as asked for, and which cells count."""
        return self._exposure(*self._outstanding(scene, seen, source))

    def _outstanding(self, scene: Scene, seen: Seen, source: Sources) -> tuple[np.ndarray, np.ndarray]:
        """(K,) how high each cell rises, 0 for one that cannot count; (K,) all light there."""
        height = heights(scene, source)
        return np.where(self._countable(scene, seen), height.peak, 0), height.level

    def _exposure(self, peak: np.ndarray, level: np.ndarray) -> Exposure:
        if self.light is not None:
            return given(self.light, peak, level, self.camera, self.visible)
        return expose(peak, level, self.camera, self.snr or 0.0, self.visible)

    def _countable(self, scene: Scene, seen: Seen) -> np.ndarray:
        """(K,) True for cells with their soma in the frame and in focus."""
        return scene.inside & (seen.width * self.pixel_size <= self.blurred * self.shapes.diameter)

    def render(self, scene: Scene) -> Simulated:
        """The movie and its truth; the same scene always gives the same movie.

        The light of a pixel is that of the neuropil plus brightness · footprint · (rest + dF/F) for each cell, dimmed by the
        illumination and multiplied by the drift.
        """
        seen = self.look(scene)
        source = self.shine(scene, seen)
        exposure = self.expose(scene, seen, source)
        movie = Movie(
            sources=source,
            light=exposure.light,
            profile=scene.crop(scene.illumination.profile),
            shifts=scene.shifts,
            acquired=scene.acquired,
            camera=self.camera,
            seed=scene.seed,
            size=scene.size,
            border=scene.border,
        )
        result = truth(scene, movie, exposure)
        if self.modulate:
            result = replace(result, events=true_events(scene, movie, result.history["noise"]))
        report = {**summary(result, exposure, len(scene)), "level": self._level(scene, seen, source), "saturated": movie.saturated}
        result = replace(result, provenance={**result.provenance, "report": report})
        notes: list[str] = []
        if movie.saturated > 0.001:
            notes.append(f"{100 * movie.saturated:.2g} % of the pixels may be clipped at the end of {movie.dtype}")
        if len(scene) and not exposure.seen.any():
            notes.append(f"none of the {len(scene)} cells counts: silent, out of focus, outside of the frame, or below sim.visible")
        recording = Recording(movie, rate=scene.rate, pixel_size=scene.pixel_size, name=result.name, notes=tuple(notes))
        return Simulated(recording, result, report)
