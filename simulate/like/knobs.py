"""Parts of a simulator with their knobs turned, where they have them and the user has not set them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.background.result import Found, FromResult
from detectnmf.simulate.camera import Camera, PoissonCamera
from detectnmf.simulate.like.likeness import Likeness
from detectnmf.simulate.psf.base import PSF
from detectnmf.simulate.shapes.base import ShapeLibrary
from detectnmf.simulate.traces.base import TraceModel

Part = TypeVar("Part")

FEW = 30.0  # photons per pixel and frame, below which each photon counts for itself
EXCESS = 1.3  # of a photomultiplier
DARK = 0.02  # least read noise relative to shot noise: not even the dark is without noise
FAINT = 0.01  # share of the variance that is shot noise where none was found
ROOM = 0.5  # highest amplitude relative to the indicator's saturation
TRIALS = 6  # of an amplitude
LARGEST = 10.0  # dF/F; where the ground is all but dark, dF/F says nothing


@dataclass(frozen=True)
class Typed:
    """Which knobs the user has set: names as on the command line (`sim.frames`, `camera.gain`, or `camera` for a choice of part)."""

    names: frozenset[str]

    @classmethod
    def of(cls, names: Collection[str]) -> Typed:
        return cls(frozenset(names))

    def __contains__(self, knob: str) -> bool:
        """Whether `part.knob` was set, however deep in the part; or the part `part` chosen."""
        part, _, name = knob.partition(".")
        return any(one == knob or (name and one.startswith(f"{part}.") and one.endswith(f".{name}")) for one in self.names)

    def touches(self, part: str) -> bool:
        """Whether the part was chosen, or any of its knobs set."""
        return any(one == part or one.startswith(f"{part}.") for one in self.names)


def knobs(part: object) -> dict[str, Any]:
    """The part's own knobs and their values."""
    if not is_dataclass(part):
        return {}
    return {one.name: getattr(part, one.name) for one in fields(part) if one.init}


def turned(part: Part, name: str, typed: Typed, **values: Any) -> Part:
    """The part with those of these knobs that it has and that were not typed.

    A value of None, and those that the part refuses, leave it as it is.
    """
    has = knobs(part)
    new = {knob: value for knob, value in values.items() if knob in has and value is not None and f"{name}.{knob}" not in typed}
    try:
        return replace(part, **new) if new else part  # type: ignore[type-var]
    except UserError:
        return part


def scaled(shapes: ShapeLibrary, factor: float, typed: Typed) -> ShapeLibrary:
    """Cells of another diameter, where the library can; a mixture's are all scaled."""
    has = knobs(shapes)
    libraries = has.get("libraries")
    if isinstance(libraries, Mapping):
        return turned(shapes, "shapes", typed, libraries={name: scaled(one, factor, typed) for name, one in libraries.items()})
    if "shapes.diameter" in typed:
        return shapes
    sizes = {name: has[name] * factor for name in ("diameter", "diameter_sd") if has.get(name) is not None}
    return turned(shapes, "shapes", typed, **sizes)


def seen_at(psf: PSF, pixel_size: float) -> PSF:
    """The PSF at other pixels."""
    return replace(psf, pixel_size=pixel_size) if "pixel_size" in knobs(psf) else psf  # type: ignore[type-var]


def camera(old: Camera, like: Likeness, typed: Typed) -> Camera:
    """A camera of the same noise; where photons are few, one that counts them. A chosen camera keeps its kind and its dtype."""
    slope = like.gain or FAINT * max(like.read_noise, 1e-9) ** 2 / like.light
    chosen = "camera" in typed
    if not chosen and like.gain and like.light / slope < FEW and not isinstance(old, PoissonCamera):
        has = knobs(old)
        old = PoissonCamera(excess=EXCESS, **{name: has[name] for name in ("gain", "offset", "read_noise", "dtype") if name in has})
    gain = slope / knobs(old).get("excess", 1.0)
    dark = max(like.read_noise, DARK * float(np.sqrt(slope * like.light)))
    new = turned(old, "camera", typed, gain=gain, offset=like.offset, read_noise=dark, dtype=None if chosen else like.dtype)
    ends = "full_well" in knobs(new) and not chosen and "camera.full_well" not in typed
    return replace(new, full_well=None) if ends else new  # type: ignore[type-var]


def activity(old: TraceModel, typed: Typed, decay: float | None, events: float | None, spread: float | None, rate: float) -> TraceModel:
    """Transients of another decay (s) that come at another rate (Hz, and its `spread`), as far as the model can; `rate`: the movie's."""
    has = knobs(old)
    if decay is not None and has.get("decay") is not None and "activity.decay" not in typed:
        decay = max(decay, 1.02 / rate)  # a faster decay does not show
        rise = has.get("rise")
        old = turned(old, "activity", typed, decay=max(decay, 2 * (rise or 0)))  # so that a shorter rise fits, too
        old = turned(old, "activity", typed, rise=None if rise is None else min(rise, decay / 3), decay=decay)
    return turned(turned(old, "activity", typed, spread=spread), "activity", typed, events=events)


def as_high(old: TraceModel, typed: Typed, peak: float, cells: int, frames: int, rate: float) -> TraceModel:
    """The model with the amplitude that gives most cells peaks of this dF/F (median over cells that are active at all)."""
    if not knobs(old).get("amplitude", 0) > 0 or "activity.amplitude" in typed:
        return old
    most = ROOM * (knobs(old).get("saturation") or np.inf)
    for _ in range(TRIALS):
        reached = highest(old.draw(cells, frames, rate, np.random.default_rng(cells)).traces)
        if not reached > 0:
            break
        old = turned(old, "activity", typed, amplitude=min(knobs(old)["amplitude"] * (peak / reached) ** 0.7, most))
    return old


def highest(traces: np.ndarray) -> float:
    """Median over cells that are active at all of the peak dF/F; 0 where none is."""
    peaks = np.abs(traces).max(axis=1, initial=0)
    return float(np.median(peaks[peaks > 0])) if (peaks > 0).any() else 0.0


@dataclass(frozen=True)
class Around(FromResult):
    """The background of a run as `FromResult` shows it, its cells taken out.

    Args:
        ground: what the run found between its cells.
    """

    ground: Found | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_found", self.ground)

    def still(self) -> Around:
        """The same with its first component alone; it is quick to draw."""
        assert self.ground is not None
        return replace(self, ground=replace(self.ground, spatial=self.ground.spatial[..., :1], temporal=self.ground.temporal[:1]))
