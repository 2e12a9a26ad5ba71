"""How much light is needed for a given signal-to-noise ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.camera import Camera


@dataclass(frozen=True)
class Exposure:
    """Light, and how well each cell stands out in it.

    Args:
        light: photons per pixel and frame of a background of level 1.
        snr: (K,) peak of each trace over the noise at the cell's brightest pixel.
        seen: (K,) True for cells bright enough to count.
    """

    light: float
    snr: np.ndarray
    seen: np.ndarray


def expose(peak: np.ndarray, level: np.ndarray, camera: Camera, target: float, visible: float) -> Exposure:
    """Set the light so that the median SNR of the cells that are seen is `target`.

    Args:
        peak: (K,) maximum over time of each cell's signal at its brightest pixel (background level = 1).
        level: (K,) mean over time of all light at that pixel.
        camera: gives gain and noise.
        target: median SNR wanted.
        visible: cells of an SNR below this do not count.

    More light raises every cell's SNR; leaving dim cells out raises the median, hence lowers the light, hence leaves out more.
    So the set only shrinks, and the loop ends.
    """

    def ratio(light: float, chosen: np.ndarray) -> np.ndarray:
        return np.asarray(camera.gain * light * peak[chosen] / camera.std(light * level[chosen]))

    seen = peak > 0
    light = 100.0
    while seen.any():
        low, high = 1e-6, 1e9  # photons
        if np.median(ratio(high, seen)) < target:
            raise UserError(f"sim.snr = {target:g} is out of reach even with {high:g} photons per pixel; lower it")
        for _ in range(80):
            light = float(np.sqrt(low * high))
            low, high = (light, high) if np.median(ratio(light, seen)) < target else (low, light)
        still = seen & (ratio(light, np.ones_like(seen)) >= visible)
        if (still == seen).all():
            break
        seen = still
    snr = ratio(light, np.ones_like(seen))
    return Exposure(light, snr, seen)
