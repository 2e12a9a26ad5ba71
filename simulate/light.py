"""How much light there is, and how well each cell stands out in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from detectnmf.errors import UserError
from detectnmf.simulate.camera import Camera
from detectnmf.simulate.footprints import membership
from detectnmf.simulate.scene import Scene
from detectnmf.simulate.sources import Sources

LEAST, MOST = 1e-6, 1e9  # photons per pixel and frame


@dataclass(frozen=True)
class Exposure:
    """Light, and how well each cell stands out in it.

    Args:
        light: photons per pixel and frame of a background of level 1.
        snr: (K,) peak of each trace over the noise at the cell's brightest pixel.
        seen: (K,) True for cells that count.
    """

    light: float
    snr: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True)
class Heights:
    """How high cells rise at their brightest pixels in the frame; light in units of the neuropil's level.

    Args:
        peak: (K,) largest change of the cell's light. level: (K,) mean over time of all light. ground: (K,) of neuropil without cells.
    """

    peak: np.ndarray
    level: np.ndarray
    ground: np.ndarray


def heights(scene: Scene, source: Sources) -> Heights:
    """Measure every cell; one outside of the frame has peak 0."""
    profile = scene.crop(scene.illumination.profile).ravel()
    images = sparse.csc_array(sparse.diags_array(profile) @ source.footprints.tocsr()[scene.pixels] @ membership(source.owner, len(scene)))
    peak, brightest = np.zeros(len(scene)), np.zeros(len(scene), np.int64)
    for k in range(len(scene)):
        values = images.data[images.indptr[k] : images.indptr[k + 1]]
        if len(values):
            brightest[k] = images.indices[images.indptr[k] + values.argmax()]
            peak[k] = values.max()
    mean = source.drift.mean() * source.static + source.footprints @ source.traces.mean(axis=1)
    level, ground = ((profile * image[scene.pixels])[brightest] for image in (mean, source.ground))
    return Heights(peak * np.abs(source.own).max(axis=1, initial=0), level, ground)


def ratio(light: float, peak: np.ndarray, level: np.ndarray, camera: Camera) -> np.ndarray:
    """(K,) signal over noise.

    Args:
        light: photons per pixel and frame of a background of level 1.
        peak: (K,) largest change of each cell's light at its brightest pixel (background level = 1).
        level: (K,) mean over time of all light at that pixel.
        camera: gives gain and noise.
    """
    return np.asarray(camera.gain * light * peak / camera.std(light * level))


def given(light: float, peak: np.ndarray, level: np.ndarray, camera: Camera, visible: float) -> Exposure:
    """The exposure at a known light. Arguments as for `ratio`; `visible`: cells of an SNR below this do not count."""
    snr = ratio(light, peak, level, camera)
    return Exposure(light, snr, (peak > 0) & (snr >= visible))


def expose(peak: np.ndarray, level: np.ndarray, camera: Camera, target: float, visible: float) -> Exposure:
    """Set the light so that the median SNR of the cells that are seen is `target`. Arguments as for `given`.

    More light raises every cell's SNR; leaving dim cells out raises the median, hence lowers the light, hence leaves out more.
    So the set only shrinks, and the loop ends.

    Raises:
        UserError: the SNR is out of reach.
    """
    seen = peak > 0
    light = 100.0
    while seen.any():
        low, high = LEAST, MOST
        if np.median(ratio(high, peak[seen], level[seen], camera)) < target:
            raise UserError(f"sim.snr = {target:g} is out of reach even with {high:g} photons per pixel; lower it")
        for _ in range(80):
            light = float(np.sqrt(low * high))
            low, high = (light, high) if np.median(ratio(light, peak[seen], level[seen], camera)) < target else (low, light)
        still = seen & (ratio(light, peak, level, camera) >= visible)
        if (still == seen).all():
            break
        seen = still
    return Exposure(light, ratio(light, peak, level, camera), seen)
