"""What a point spread function must do, and how to add one."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class PSF(Protocol):
    """How a point source at some depth is seen.

    To add one: write a frozen dataclass with `pixel_size` (µm) and this call in a file of its own, and a YAML in `configs/psf`
    with its `_target_`, its knobs and `pixel_size: ${sim.pixel_size}`. The contract tests find the YAML.
    """

    @property
    def pixel_size(self) -> float: ...  # µm

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """(D,) depth below the focal plane (µm, either sign) -> (D, h, w) kernels at `pixel_size`.

        Values are >= 0 and integrated over the pixel, h and w are odd and the same for all depths, the source sits in the
        central pixel. The sum of a kernel is its energy: what a source at that depth gives in all, relative to one in focus (1 for
        a multiphoton PSF).
        """
        ...
