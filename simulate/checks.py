"""Is what a simulator was told possible? Asked before long work starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.light import MOST

if TYPE_CHECKING:
    from detectnmf.simulate.simulator import Simulator

FINITE = (  # `blurred` may be infinite: all cells count, however blurred
    *("rate", "pixel_size", "depth", "density", "min_distance", "margin", "follow_light"),
    *("brightness", "brightness_spread", "rest", "snr", "light", "level", "visible"),
)


def check(sim: Simulator) -> None:
    """Raises UserError, naming the knob, its value and what it must be."""
    for name in FINITE:
        value = getattr(sim, name)
        if value is not None and not np.isfinite(value).all():
            raise UserError(f"sim.{name} must be finite, got {list(value) if name == 'depth' else value}")
    for name in ("frames", "rate", "pixel_size", "brightness", "blurred"):
        if not getattr(sim, name) > 0:
            raise UserError(f"sim.{name} must be above 0, got {getattr(sim, name)}")
    for name in ("snr", "light", "level", "density"):
        value = getattr(sim, name)
        if value is not None and not value > 0:
            unit = {"light": " photons", "density": " cells per pixel"}.get(name, "")
            raise UserError(f"sim.{name} must be above 0{unit}, got {value}; null leaves it out")
    if sim.light is not None and sim.light > MOST:
        raise UserError(f"sim.light must be at most {MOST:g} photons per pixel and frame, got {sim.light:g}")
    if sim.snr is None and sim.light is None:
        raise UserError("one of sim.snr and sim.light (photons per pixel and frame) must be given")
    if sim.cells is None and sim.density is None:
        raise UserError("one of sim.cells and sim.density must be given")
    if sim.cells is not None and sim.cells < 0:
        raise UserError(f"sim.cells must be 0 or more, got {sim.cells}")
    for name in ("min_distance", "margin", "follow_light", "brightness_spread", "rest", "visible"):
        if not getattr(sim, name) >= 0:
            raise UserError(f"sim.{name} must be 0 or more, got {getattr(sim, name)}")
    if sim.motion.reach > 10 * max(sim.size) * sim.pixel_size:
        raise UserError(f"motion.reach = {sim.motion.reach:g} µm is more than ten times the field; lower it")
    if min(sim.size) < 8:
        raise UserError(f"sim.size must be at least 8 x 8 px, got {list(sim.size)}")
    if sim.depth is not None and sim.depth[0] > sim.depth[1]:
        raise UserError(f"sim.depth must go from low to high, got {list(sim.depth)}")
    if not 0 <= sim.displace <= 1:
        raise UserError(f"sim.displace must lie between 0 and 1, got {sim.displace}")
    if not 0 < sim.cut < 1:
        raise UserError(f"sim.cut must lie between 0 and 1, got {sim.cut}")
    if not np.isclose(sim.psf.pixel_size, sim.pixel_size):
        raise UserError(f"psf.pixel_size is {sim.psf.pixel_size} µm but sim.pixel_size is {sim.pixel_size} µm; make them equal")
