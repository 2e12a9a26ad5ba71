"""`Likeness`: a finished run in numbers, and `measure`, which takes them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.background.result import Found, found
from detectnmf.simulate.like.cells import look_at, middle, spacing
from detectnmf.simulate.like.ground import covered, follows, without
from detectnmf.simulate.like.noise import fit_noise
from detectnmf.simulate.like.transients import CLEAR, PART, count_events, decay_time, dispersion, roughness
from detectnmf.simulate.truth import overlap

if TYPE_CHECKING:
    from detectnmf.result import DemixResult
    from detectnmf.simulate.simulator import Simulator

RESTING = 10.0  # percentile of a trace at which its cell rests, but for noise,
BELOW = 1.28  # of whose standard deviations that percentile is too low
FAINTEST = 5.0  # percentile of the cells' SNR that stands for the faintest one, outliers apart
FEWEST = 400  # pixels without cells, from which noise is told
DARKEST = 1e-3  # of the mean light: nothing is divided by less
ROUNDED = 0.288  # counts: no recording in whole counts has less noise


@dataclass(frozen=True)
class Likeness:
    """What a run found, in numbers that a simulation can be given. All medians are over cells.

    A cell's light is the mean over its core, where its footprint is above half of its maximum. It rests at the 10th percentile of
    its trace (less what noise makes of that). F0 is all light there at rest, above the camera's offset; the ground is what it would
    be without the cell, as its surroundings tell.

    Args:
        frames, size (px), rate (Hz), pixel_size (µm): of the recording.
        cells: how many.
        per_mm2: cells per mm².
        density: R_c, mean number of footprints that cover a pixel.
        overlap: median of the largest cosine with another footprint.
        diameter: of the disc as large as the footprint above half of its maximum, its holes filled (µm); averaged over 3 x 3 px
            before, since footprints are noisy. Clear cells weigh more in the median, since pieces of cells are dim.
        spacing: distance to the nearest cell in diameters, 5th percentile.
        follow_light: power of the ground's light with which the cells' density goes, 0 to 2 (likeliest).
        snr: peak of the trace above rest over the noise of a pixel, where the cell is brightest (90th percentile of the core), median.
        faintest: the same, 5th percentile.
        contrast: peak above rest over `light`, median.
        excess: F0 less the ground over `light`, median: what the cell shows at rest, less the light whose place it takes.
        amplitude: dF/F at the peak: above rest over F0, median.
        spread: of the peaks over cells: standard deviation of their logarithm (from quartiles).
        decay: time constant (s), see `transients.decay_time`; None if the traces have no memory.
        events: peaks per cell that rise and fall by the noise of a pixel, seven times that of the trace, and a fifth of the highest (Hz).
        uneven: standard deviation of the rate of events over cells, relative, see `transients.dispersion`.
        trace_noise: what flickers in a trace relative to the noise of a pixel, median.
        gain: variance per count of light; None where noise does not grow with light. See `noise.fit_noise`, for the next two, too.
        offset: counts in the dark.
        read_noise: counts.
        dtype: the smallest in which the recording fits.
        light: mean of the ground (counts above the offset).
        ground: (Y, X) the ground (counts above the offset).
        background: ground and fluctuating background without cells; None where not asked for.
    """

    frames: int
    size: tuple[int, int]
    rate: float
    pixel_size: float
    cells: int
    per_mm2: float
    density: float
    overlap: float
    diameter: float
    spacing: float
    follow_light: float
    snr: float
    faintest: float
    contrast: float
    excess: float
    amplitude: float
    spread: float
    decay: float | None
    events: float
    uneven: float
    trace_noise: float
    gain: float | None
    offset: float
    read_noise: float
    dtype: str
    light: float
    ground: np.ndarray
    background: Found | None = None

    @property
    def numbers(self) -> dict[str, object]:
        """All but the images, plain."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("ground", "background")}

    def __str__(self) -> str:
        decay = "no decay" if self.decay is None else f"decay {self.decay:.3g} s"
        gain = "unknown" if self.gain is None else f"{self.gain:.3g}"
        return (
            f"{self.cells} cells ({self.per_mm2:.3g} per mm²) of {self.diameter:.3g} µm, snr {self.snr:.3g}, "
            f"peak dF/F {self.amplitude:.3g}, {decay}, {self.events:.2g} events per s and cell, "
            f"gain {gain}, read noise {self.read_noise:.3g}, offset {self.offset:.3g}"
        )

    def resemble(self, simulator: Simulator, typed: Collection[str] = (), rounds: int = 6) -> Simulator:
        """A simulator whose movies measure the same; see `resemble`."""
        from detectnmf.simulate.like.resemble import fit

        return fit(simulator, self, typed, rounds)


def measure(result: DemixResult, offset: float | None = None, modes: int | None = None) -> Likeness:
    """Measure a run; of a simulated truth, its stated noise takes the place of the movie's.

    Args:
        offset: of the camera, where it is known (counts).
        modes: components of the fluctuating background to keep; None leaves it out.

    Raises:
        UserError: no cells or no traces to measure, no noise level, or no light.
    """
    cells = result.cells
    if cells.traces is None:
        raise UserError(f"{result.name}: these cells have no traces, so that nothing can be told of their activity; give a finished run")
    alive = np.flatnonzero((cells.footprints.max(axis=0).toarray().ravel() > 0) & (cells.traces.max(axis=1, initial=0) > 0))
    if not len(alive):
        raise UserError(f"{result.name}: this run found no cells, so that there is nothing to resemble; give another result")
    traces, cells = cells.traces[alive], cells[alive]
    mean, std, good = _pixels(result)
    inside = covered(cells.footprints, cells.size)
    free = good & ~inside if (good & ~inside).sum() >= FEWEST else good
    rough = roughness(traces)
    quiet = np.minimum(np.percentile(traces, RESTING, axis=1) + BELOW * rough, np.median(traces, axis=1))
    resting = result.baseline + (cells.footprints @ quiet).reshape(cells.size)
    whole = float(np.median(std[good])) >= ROUNDED
    noise = fit_noise(mean[free], std[free], whole, offset)
    rest = np.maximum(resting - noise.offset, 0)
    ground = np.maximum(without(rest, inside | ~good), 0)
    light = float(ground.mean())
    if not light > 0:
        raise UserError(f"{result.name}: no light above an offset of {noise.offset:g} counts between the cells; give a lower camera.offset")
    each = look_at(cells.footprints, traces.max(axis=1) - quiet, rest, ground, std)
    rests = np.maximum(each.rest, DARKEST * light)
    snr = each.bright / each.noise
    noisy = np.maximum(each.leaves, rough)
    decay = decay_time(traces, noisy)
    events = count_events(traces, np.maximum.reduce([each.noise, CLEAR * noisy, PART * (traces.max(axis=1) - quiet)]), decay)
    quartiles = np.percentile(np.log(each.peak), [25, 75])
    highest = float((mean + 4 * std)[good].max() + (each.rest + each.bright).max())
    diameter = middle(each.diameter, each.bright / each.leaves)
    return Likeness(
        frames=result.shape[0],
        size=cells.size,
        rate=result.rate,
        pixel_size=result.pixel_size,
        cells=len(cells),
        per_mm2=len(cells) / (mean.size * result.pixel_size**2 / 1e6),
        density=cells.footprints.nnz / mean.size,
        overlap=overlap(cells.footprints),
        diameter=diameter * result.pixel_size,
        spacing=spacing(cells.centers) / diameter,
        follow_light=follows(ground, cells.centers),
        snr=float(np.median(snr)),
        faintest=float(np.percentile(snr, FAINTEST)),
        contrast=float(np.median(each.peak)) / light,
        excess=float(np.median(each.rest - each.ground)) / light,
        amplitude=float(np.median(each.peak / rests)),
        spread=float(np.ptp(quartiles) / 1.349),
        decay=None if decay is None else decay / result.rate,
        events=float(events.mean()) / (result.shape[0] / result.rate),
        uneven=dispersion(events),
        trace_noise=float(np.median(rough / each.noise)),
        gain=noise.gain,
        offset=noise.offset,
        read_noise=noise.read_noise,
        dtype=_dtype(float(np.percentile(mean[good], 0.1)), highest, whole),
        light=light,
        ground=ground,
        background=None if modes is None else _background(result, ground, modes),
    )


def _pixels(result: DemixResult) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Y, X) mean, noise level, and True where a pixel can be used."""
    if result.movie is not None:
        mean, std = result.movie.mean, result.movie.std
        bad = result.movie.bad_pixels
    elif "noise" in result.history and result.history["noise"].shape == result.baseline.shape:
        assert result.cells.traces is not None
        mean = result.baseline + (result.cells.footprints @ result.cells.traces.mean(axis=1)).reshape(result.baseline.shape)
        std, bad = result.history["noise"], None
    else:
        raise UserError(f"{result.name}: no movie in this file, so that its noise is unknown; give the result.h5 of a finished run")
    good = np.isfinite(mean) & np.isfinite(std) & (std > 0) & np.isfinite(result.baseline)
    return mean.astype(float), std.astype(float), good if bad is None else good & ~bad


def _dtype(lowest: float, highest: float, whole: bool) -> str:
    if not whole or highest > 65535 or (lowest < 0 and highest > 32767):
        return "float32"
    return "int16" if lowest < 0 else "uint8" if highest <= 255 else "uint16"


def _background(result: DemixResult, ground: np.ndarray, modes: int) -> Found:
    """The ground and the strongest components of what fluctuates; one that is 0 where nothing does."""
    still = replace(result.background, mean=np.zeros_like(result.background.mean))
    around = found(replace(result, baseline=ground, background=still), 0.0, modes)
    if len(around.temporal):
        return around
    return replace(around, spatial=np.zeros((*ground.shape, 1)), temporal=np.zeros((1, result.shape[0])))
