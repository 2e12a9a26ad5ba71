"""Autoregressive traces, frame by frame: the model that deconvolution assumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from detectnmf.errors import UserError
from detectnmf.simulate.traces.base import Activity
from detectnmf.simulate.traces.indicator import groups


@dataclass(frozen=True)
class AR:
    """c[t] = g₁ c[t-1] + g₂ c[t-2] + s[t], with a spike s in each frame at random (sc-CNMF, §4: g = 0.95, probability 1 %).

    It works in frames: a movie of another rate has other kinetics.

    Args:
        g: one coefficient per frame for a decay, two for a rise and a decay.
        probability: of a spike, in each frame of each cell.
        amplitude: peak dF/F of a single spike.
    """

    g: Sequence[float] = (0.95,)
    probability: float = 0.01
    amplitude: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "g", tuple(float(one) for one in self.g))
        if len(self.g) not in (1, 2):
            raise UserError(f"activity.g must be one or two coefficients, got {list(self.g)}")
        if not all(abs(root.imag) < 1e-12 and 0 <= root.real < 1 for root in self.roots) or self.roots.max() <= 0:
            raise UserError(f"activity.g = {list(self.g)} does not decay, or rings as it does; [0.95] and [1.7, -0.712] decay smoothly")
        if not 0 < self.probability <= 1:
            raise UserError(f"activity.probability must be above 0 and at most 1 per frame, got {self.probability}")
        if not self.amplitude > 0:
            raise UserError(f"activity.amplitude must be above 0, got {self.amplitude}")

    @property
    def roots(self) -> np.ndarray:
        """Of the characteristic polynomial: the factors by which its parts decay in a frame."""
        return np.asarray(np.roots([1.0, *(-one for one in self.g)]))

    def draw(self, n: int, frames: int, rate: float, rng: np.random.Generator) -> Activity:
        """n cells over `frames` frames, already active before the first; `rate` does not matter."""
        before = int(np.ceil(-5 / np.log(self.roots.real.max())))
        recursion = [1.0, *(-one for one in self.g)]
        single = lfilter([1.0], recursion, np.eye(1, before + 1)[0]).max()
        traces, spikes = np.empty((n, frames), np.float32), np.empty((n, frames), np.uint16)
        for group in groups(n, before + frames):
            drawn = rng.random((group.stop - group.start, before + frames), np.float32) < self.probability
            calcium = lfilter([self.amplitude / single], recursion, drawn.astype(np.float32), axis=-1)[:, before:]
            np.maximum(calcium, 0, out=traces[group])
            spikes[group] = drawn[:, before:]
        return Activity(traces, spikes)
