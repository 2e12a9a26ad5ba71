"""`resemble`: turn a simulator's knobs until what it simulates measures the same as a finished run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.like import knobs
from detectnmf.simulate.like.knobs import Around, Typed
from detectnmf.simulate.like.likeness import Likeness, measure
from detectnmf.simulate.like.trial import Seen, attempt, with_room
from detectnmf.simulate.simulator import Simulator
from detectnmf.simulate.traces.base import TraceModel

if TYPE_CHECKING:
    from detectnmf.result import DemixResult

UNSEEN = 1.3  # cells in frame and focus for each that a run finds; the others are too dim
STEP = 3.0  # a knob changes at most by this factor at a time
FAR = 2.0  # a decay differs at most by this factor from what was measured,
MISSED = 5.0  # and a rate of events by this: small ones are not counted, and close ones as one
MOST = 2.5  # highest follow_light
SPREAD = 1.5  # highest relative standard deviation over cells
NAMES = {
    "sim": "frames size rate pixel_size cells density light level snr brightness brightness_spread rest visible follow_light min_distance",
    "shapes": "diameter",
    "activity": "decay rise events spread amplitude",
    "camera": "gain offset read_noise dtype",
}


@dataclass(frozen=True)
class Resemblance:
    """A simulator and what it resembles.

    Args:
        simulator: ready to use. likeness: what was measured. knobs: name on the command line -> value that the simulator has now.
    """

    simulator: Simulator
    likeness: Likeness
    knobs: dict[str, Any]


def resemble(simulator: Simulator, result: DemixResult, typed: Collection[str] = (), rounds: int = 6, modes: int = 30) -> Resemblance:
    """A simulator whose movies resemble a run's recording.

    Args:
        simulator: gives the parts (PSF, shapes, activity, ...) and all that cannot be measured.
        result: of the run, or a simulated truth.
        typed: knobs that stay as they are, and parts that do, by their names on the command line; only a chosen `neuropil`
            is kept whole, knobs of other chosen parts are still fitted.
        rounds: of simulating, measuring and turning knobs.
        modes: strongest components of the run's fluctuating background that are kept.

    Raises:
        UserError: nothing to measure, see `measure`; or a knob out of its range.
    """
    for knob, value in (("rounds", rounds), ("modes", modes)):
        if value < 0:
            raise UserError(f"resemble.{knob} must be 0 or more, got {value}")
    names = Typed.of(typed)
    offset = knobs.knobs(simulator.camera).get("offset") if "camera.offset" in names else None
    likeness = measure(result, offset, None if names.touches("neuropil") else modes)
    fitted = fit(simulator, likeness, typed, rounds)
    values = {f"{part}.{name}": _value(fitted, part, name) for part, words in NAMES.items() for name in words.split()}
    return Resemblance(fitted, likeness, {name: value for name, value in values.items() if value is not None})


def _value(simulator: Simulator, part: str, name: str) -> Any:
    return getattr(simulator, name) if part == "sim" else knobs.knobs(getattr(simulator, part)).get(name)


def fit(simulator: Simulator, wanted: Likeness, typed: Collection[str] = (), rounds: int = 6) -> Simulator:
    """Simulate scenes (without rendering frames), measure their truths as the run was measured, turn knobs, and again.

    So what a measure says need not be what a knob means: bursts that lengthen a decay, optics that widen a cell, cells too dim to be
    found. Steps shrink, since each scene is another one.
    """
    names = Typed.of(typed)
    twin = begin(simulator, wanted, names)
    for number in range(rounds):
        twin = with_room(twin, names)
        seen = attempt(twin, wanted, number, names)
        if seen is None and number == rounds - 1:
            raise UserError(
                "no cell lights up in what these parts simulate, so that it cannot resemble a run; choose another activity or psf"
            )
        twin = turn(twin, wanted, seen, names, 1 / max(1.0, number / 2))
    return finish(with_room(twin, names), simulator, wanted, names)


def begin(old: Simulator, like: Likeness, typed: Typed) -> Simulator:
    """The recording's size and noise, and for each knob what was measured."""
    camera = knobs.camera(old.camera, like, typed)
    neuropil = old.neuropil if like.background is None or typed.touches("neuropil") else Around(ground=like.background)
    values: dict[str, Any] = {
        "light": like.light / camera.gain,
        "level": None,
        "brightness": like.contrast / min(like.amplitude, knobs.LARGEST),
        "follow_light": like.follow_light,
        "min_distance": min(like.spacing, 1.0),
        "brightness_spread": min(like.spread, SPREAD),
        "visible": like.faintest,
    }
    return replace(
        old,
        psf=knobs.seen_at(old.psf, like.pixel_size),
        shapes=knobs.scaled(old.shapes, like.diameter / old.shapes.diameter, typed),
        activity=_active(old.activity, like, typed, like.decay, like.events or None, min(like.uneven, SPREAD)),
        neuropil=neuropil,
        camera=camera,
        frames=like.frames,
        size=like.size,
        rate=like.rate,
        pixel_size=like.pixel_size,
        cells=round(UNSEEN * like.cells),
        density=None,
        **{name: value for name, value in values.items() if f"sim.{name}" not in typed},
    )


def turn(twin: Simulator, wanted: Likeness, seen: Seen | None, typed: Typed, step: float) -> Simulator:
    """The simulator with each knob nearer to where it gives what is wanted."""
    if seen is None:  # all too dim
        return replace(twin, brightness=twin.brightness * (1.0 if _bright(typed) else STEP))
    now = seen.like
    many = wanted.cells if "sim.visible" in typed else UNSEEN * wanted.cells
    has = knobs.knobs(twin.activity)
    brightness = twin.brightness
    if not _bright(typed):
        brightness *= _ratio(wanted.contrast, now.contrast, step, most=100.0)
    rest = twin.rest
    if "sim.rest" not in typed and not _bright(typed):
        # excess = contrast / peak · rest - what is displaced
        displaced = now.contrast / seen.peak * rest - now.excess
        known = "amplitude" in has and "activity.amplitude" not in typed
        peak = min(wanted.amplitude, knobs.LARGEST) if known else seen.peak
        rest += step * (float(np.clip((wanted.excess + displaced) * peak / wanted.contrast, 0.0, 2.0)) - rest)
    spread = twin.brightness_spread
    if "sim.brightness_spread" not in typed:
        spread = _wider(spread, wanted.spread, now.spread, step)
    uneven = None if has.get("spread") is None else _wider(has["spread"], wanted.uneven, now.uneven, step)
    follow = twin.follow_light
    if "sim.follow_light" not in typed:
        follow = float(np.clip(follow + step * (wanted.follow_light - now.follow_light), 0, MOST))
    decay, events = has.get("decay"), has.get("events")
    if decay and wanted.decay and now.decay:
        decay = _near(decay * _ratio(wanted.decay, now.decay, step), wanted.decay)
    if events and wanted.events:
        events = _near(events * _ratio(wanted.events, now.events, step), wanted.events, MISSED)
    return replace(
        twin,
        cells=max(1, round((twin.cells or 1) * _ratio(many, seen.cells, step))),
        shapes=knobs.scaled(twin.shapes, _ratio(wanted.diameter, now.diameter, step), typed),
        activity=_active(twin.activity, wanted, typed, decay, events, uneven),
        light=twin.light if twin.light is None or "sim.light" in typed else twin.light * _ratio(wanted.light, now.light, step),
        brightness=brightness,
        rest=rest,
        visible=twin.visible if "sim.visible" in typed else twin.visible * _ratio(seen.faint, twin.visible, step, most=1e6),
        brightness_spread=spread,
        follow_light=follow,
    )


def _bright(typed: Typed) -> bool:
    """Whether the user has said how bright cells are."""
    return "sim.brightness" in typed or "sim.level" in typed


def _active(old: TraceModel, like: Likeness, typed: Typed, decay: float | None, events: float | None, spread: float | None) -> TraceModel:
    """The trace model with another decay (s) and rate of events (Hz), its peaks as high as was measured."""
    model = knobs.activity(old, typed, decay, events, spread, like.rate)
    return knobs.as_high(model, typed, min(like.amplitude, knobs.LARGEST), like.cells, like.frames, like.rate)


def _wider(knob: float, wanted: float, seen: float, step: float) -> float:
    """A standard deviation to which others add, as variances do."""
    return float(np.sqrt(np.clip(knob**2 + step * (wanted**2 - seen**2), 0, SPREAD**2)))


def _near(value: float, measured: float, most: float = FAR) -> float:
    """Where a measure no longer follows its knob, the knob must not run away."""
    return float(np.clip(value, measured / most, measured * most))


def _ratio(wanted: float, seen: float, step: float, most: float = STEP) -> float:
    if not wanted > 0:
        return 1.0
    return float(np.clip(wanted / max(seen, 1e-12), 1 / most, most) ** step)


def finish(twin: Simulator, old: Simulator, like: Likeness, typed: Typed) -> Simulator:
    """As large and as long as was asked for, with as many cells per area."""
    kept = {name: getattr(old, name) for name in ("frames", "size", "rate", "pixel_size") if f"sim.{name}" in typed}
    final: dict[str, Any] = {"frames": like.frames, "size": like.size, "rate": like.rate, "pixel_size": like.pixel_size, **kept}
    area = np.prod(final["size"]) * final["pixel_size"] ** 2 / (np.prod(like.size) * like.pixel_size**2)
    final["cells"] = round((twin.cells or 0) * float(area))
    if "sim.cells" in typed or "sim.density" in typed:
        final["cells"], final["density"] = old.cells, old.density
    if "sim.snr" in typed and "sim.light" not in typed:
        final["light"] = None
        if "sim.visible" not in typed and old.snr:
            final["visible"] = twin.visible * old.snr / like.snr
    return replace(twin, psf=knobs.seen_at(twin.psf, final["pixel_size"]), **final)
