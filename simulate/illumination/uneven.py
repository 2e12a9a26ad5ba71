"""Light that is brighter in the middle, shadows of vessels, and blood that pulses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.simulate.background.limit import limited
from detectnmf.simulate.illumination.base import Illumination
from detectnmf.simulate.illumination.vessels import Vessels
from detectnmf.simulate.noise import rhythm, smooth_fields

WAVE = 300.0  # µm, over which haemodynamics differ where there is no vessel


def vignette(size: tuple[int, int], pixel_size: float, centre: tuple[float, float], radius: float, edge: float, rim: float) -> np.ndarray:
    """(Y, X) light that falls from 1 at the centre towards `edge`: edge + (1 - edge) · 2^-(r / radius)^rim.

    Args:
        centre: (y, x) µm from the middle of the frame. radius: µm.
    """
    y, x = ((np.arange(n) - (n - 1) / 2) * pixel_size - middle for n, middle in zip(size, centre, strict=True))
    return np.asarray(edge + (1 - edge) * np.exp2(-((np.hypot(y[:, None], x) / radius) ** rim)))


@dataclass(frozen=True)
class Uneven:
    """A vignette that stays, shadows that move with the tissue, and haemodynamics.

    Args:
        radius: where half of the vignette's fall is reached (µm from its centre).
        edge: light far outside, relative to the centre.
        rim: how sudden the fall is: 2 for a bell, 6 for the rim of a lens.
        offset: standard deviation along each axis of the vignette's centre from the middle of the frame (µm).
        vessels: wide ones between the focal plane and the surface; their blood pulses. None for none.
        capillaries: thin ones in the focal plane; None for none.
        vasomotion: relative change of the resting light by slow waves of the blood volume, standard deviation over time (rms over space).
        wave: frequency of the slow waves (Hz).
        heartbeat: the same by the heart's beat.
        pulse: of the heart (Hz); above half the frame rate it is seen aliased.
    """

    radius: float = 500.0
    edge: float = 0.6
    rim: float = 2.0
    offset: float = 50.0
    vessels: Vessels | None = None
    capillaries: Vessels | None = None
    vasomotion: float = 0.0
    wave: float = 0.1
    heartbeat: float = 0.0
    pulse: float = 9.0

    def __post_init__(self) -> None:
        for name in ("radius", "rim", "wave", "pulse"):
            if not getattr(self, name) > 0:
                raise UserError(f"illumination.{name} must be above 0, got {getattr(self, name)}")
        if not 0 <= self.edge <= 1:
            raise UserError(f"illumination.edge must lie in 0..1, got {self.edge}")
        if self.offset < 0:
            raise UserError(f"illumination.offset must be 0 µm or more, got {self.offset}")
        for name in ("vasomotion", "heartbeat"):
            if not 0 <= getattr(self, name) <= 0.2:
                raise UserError(f"illumination.{name} must lie in 0..0.2, got {getattr(self, name)}")

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Illumination:
        """Where there is most blood above, light changes most."""
        where, wide, thin, waves, time = rng.spawn(5)
        centre = self.offset * where.standard_normal(2)
        profile = vignette(size, pixel_size, (centre[0], centre[1]), self.radius, self.edge, self.rim)
        shadow = np.ones(size) if self.vessels is None else self.vessels.shadow(size, pixel_size, wide)
        sharp = np.ones(size) if self.capillaries is None else self.capillaries.shadow(size, pixel_size, thin)
        blood = -np.log(shadow)
        images, courses = np.zeros((0, shadow.size)), np.zeros((0, frames))
        for strength, frequency, tau in ((self.vasomotion, self.wave, 2 / self.wave), (self.heartbeat, self.pulse, 3.0)):
            if strength > 0:
                image = 1 + 0.3 * smooth_fields(1, size, WAVE / pixel_size, waves)[0] + 2 * blood / max(blood.max(), 1e-9)
                images = np.vstack([images, -strength * image.reshape(1, -1) / np.sqrt((image**2).mean())])
                courses = np.vstack([courses, rhythm(1, frames, frequency / rate, tau * rate, time)])
        temporal = (courses - courses.mean(axis=1, keepdims=True)).astype(np.float32)
        spatial = limited(np.ones(shadow.size), np.ascontiguousarray(images.T, np.float32), temporal)
        return Illumination(profile / profile.max(), shadow * sharp, spatial, temporal)
