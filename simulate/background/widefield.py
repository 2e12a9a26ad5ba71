"""What a one-photon microscope sees between the cells: the light of a thick slab, out of focus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from detectnmf.errors import UserError
from detectnmf.simulate.background.base import Neuropil
from detectnmf.simulate.background.limit import limited
from detectnmf.simulate.noise import slow_noise, smooth_fields


def bursts(n: int, frames: int, events: float, tau: float, rng: np.random.Generator) -> np.ndarray:
    """(n, frames) events of random size at random times, each decaying exponentially; mean 0, variance 1.

    Args:
        events: per frame. tau: of the decay, frames.
    """
    keep = float(np.exp(-1 / tau))
    before = int(np.ceil(5 * tau))
    sizes = rng.standard_gamma(rng.poisson(events, (n, before + frames)))  # each event is exponential in size, of mean 1
    courses = lfilter([1.0], [1.0, -keep], sizes, axis=1)[:, before:]
    return np.asarray((courses - events / (1 - keep)) / np.sqrt(2 * events / (1 - keep**2)))


@dataclass(frozen=True)
class Widefield:
    """One fluctuation of the whole field and many local ones, all blurred, on a bright image of wide gradients.

    Args:
        length: how far out-of-focus light spreads: correlation length of all that is local (µm).
        texture: standard deviation over space of blurred structure, relative to the mean.
        gradient: standard deviation over space of wide gradients, relative to the mean.
        width: correlation length of the gradients (µm).
        common: standard deviation over time of the whole field's fluctuation, relative to the local mean.
        tau: its correlation time (s).
        local: standard deviation over time of the local fluctuations, relative to the local mean; a third of their variance is shared.
        modes: how many local images are summed.
        events: of each of them (Hz).
        decay: of each event, the indicator's (s).
    """

    length: float = 60.0
    texture: float = 0.1
    gradient: float = 0.2
    width: float = 250.0
    common: float = 0.04
    tau: float = 8.0
    local: float = 0.03
    modes: int = 20
    events: float = 0.5
    decay: float = 0.6

    def __post_init__(self) -> None:
        for name in ("length", "width", "tau", "events", "decay"):
            if not getattr(self, name) > 0:
                raise UserError(f"neuropil.{name} must be above 0, got {getattr(self, name)}")
        for name in ("texture", "gradient"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise UserError(f"neuropil.{name} must lie in 0..0.5, got {getattr(self, name)}")
        for name in ("common", "local"):
            if not 0 <= getattr(self, name) <= 0.25:
                raise UserError(f"neuropil.{name} must lie in 0..0.25 (more would make negative light), got {getattr(self, name)}")
        if self.modes < 1:
            raise UserError(f"neuropil.modes must be 1 or more, got {self.modes}; for no local fluctuation set neuropil.local=0")

    def draw(self, frames: int, size: tuple[int, int], rate: float, pixel_size: float, rng: np.random.Generator) -> Neuropil:
        """The fluctuations are proportional to the local mean; the frame's mean level is 1."""
        blurred = smooth_fields(2, size, self.length / pixel_size, rng)
        wide = smooth_fields(1, size, self.width / pixel_size, rng)[0].astype(float)
        baseline = np.maximum(1 + self.gradient * wide + self.texture * blurred[0], 0.2)
        baseline /= baseline.mean()
        everywhere = np.maximum(1 + 0.2 * blurred[1:], 0)  # nearly the same
        everywhere *= self.common / np.sqrt((everywhere**2).mean())
        # squares, so that events only brighten; they correlate as 1/3 + 2/3 exp(-r² / (2 length²))
        local = smooth_fields(self.modes, size, np.sqrt(2) * self.length / pixel_size, rng) ** 2
        images = np.concatenate([everywhere, self.local / np.sqrt(3 * self.modes) * local])
        courses = np.concatenate(
            [slow_noise(1, frames, self.tau * rate, rng), bursts(self.modes, frames, self.events / rate, self.decay * rate, rng)]
        )
        courses -= courses.mean(axis=1, keepdims=True)
        temporal = courses.astype(np.float32)
        spatial = np.ascontiguousarray((images * baseline).reshape(len(images), -1).T, np.float32)
        return Neuropil(baseline, limited(baseline.ravel(), spatial, temporal), temporal)
