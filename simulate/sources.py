"""From a scene and how it is seen to all light in the field, in units of the neuropil's mean level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from detectnmf.simulate.footprints import Seen
from detectnmf.simulate.optics import Optics
from detectnmf.simulate.scene import Scene
from detectnmf.simulate.shapes.base import Part


@dataclass(frozen=True)
class Sources:
    """light(x, t) = drift(t) · static(x) + footprints @ traces + spatial @ temporal, over the field and all N frames.

    Args:
        footprints: (P, S) CSC float32. traces: (S, N) float32. owner: (S,) the cell that each belongs to.
        own: (K, N) float32, what each cell itself does: the trace of a cell that flickers as one.
        static: (P,) neuropil and resting cells.
        neuropil: (P,) neuropil alone. ground: (P,) the same if no cell were there.
        spatial: (P, m) float32. temporal: (m, N) float32.
        drift: (N,).
    """

    footprints: sparse.csc_array
    traces: np.ndarray
    owner: np.ndarray
    own: np.ndarray
    static: np.ndarray
    neuropil: np.ndarray
    ground: np.ndarray
    spatial: np.ndarray
    temporal: np.ndarray
    drift: np.ndarray

    def brighter(self, factor: float) -> Sources:
        """The same with all cells brighter."""
        cells = self.static - self.neuropil
        return replace(
            self, traces=self.traces * np.float32(factor), own=self.own * np.float32(factor), static=self.neuropil + factor * cells
        )


def sources(scene: Scene, seen: Seen, optics: Optics, rest: float, modulate: bool, displace: float) -> Sources:
    """All light.

    Args:
        scene: what is there. seen: its cells through the optics. optics: the PSF.
        rest: fluorescence of a cell at rest that counts as static light, relative to its brightness.
        modulate: cells change the neuropil's light by their dF/F instead of adding their own (bioluminescence).
        displace: share of the neuropil's light that cells in its place take away.
    """
    lit = scene.illumination.tissue.ravel()
    room = 1 - displace * seen.occupied
    texture = scene.neuropil.baseline
    if scene.neuropil.grain is not None:
        texture = texture * np.maximum(1 + scene.neuropil.grain_sd * optics.texture(scene.neuropil.grain), 0.1)
    ground = lit * texture.ravel()
    neuropil = room * ground
    footprints = sparse.csc_array(sparse.diags_array((neuropil if modulate else lit).astype(np.float32)) @ seen.footprints)
    brightness = np.ones(len(scene)) if modulate else scene.brightness * seen.peak
    resting = np.zeros(len(scene)) if modulate else rest * brightness
    own = (brightness[:, None] * scene.activity.traces * scene.drift).astype(np.float32)
    static = neuropil + footprints @ resting[seen.owner]
    images = np.concatenate([(lit * room)[:, None] * scene.neuropil.spatial, static[:, None] * scene.illumination.spatial], axis=1)
    courses = np.concatenate([scene.neuropil.temporal, scene.illumination.temporal]) * scene.drift
    return Sources(
        footprints=footprints,
        traces=_responses(scene, own),
        owner=seen.owner,
        own=own,
        static=static,
        neuropil=neuropil,
        ground=ground,
        spatial=images.astype(np.float32),
        temporal=courses.astype(np.float32),
        drift=scene.drift,
    )


def _responses(scene: Scene, own: np.ndarray) -> np.ndarray:
    """(S, N) traces of all parts of all cells."""
    if not any(shape.parts for shape in scene.shapes):
        return own
    rows = []
    for shape, trace in zip(scene.shapes, own, strict=True):
        rows += [respond(part, trace, scene.rate) for part in shape.parts] or [trace]
    return np.stack(rows)


def respond(part: Part, trace: np.ndarray, rate: float) -> np.ndarray:
    """(N,) what a part shows of its cell's trace, see `Part`."""
    time = np.arange(len(trace)) - part.delay * rate
    late = np.interp(time, np.arange(len(trace)), trace)
    bar = part.threshold * np.abs(trace).max(initial=0)
    return np.asarray(np.sign(late) * np.maximum(np.abs(late) - bar, 0) / (1 - part.threshold), np.float32)
