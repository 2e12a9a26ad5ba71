"""Frames that are computed when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Computed:
    """Each frame comes from its number; notes what was asked, and what stood there then."""

    shape: tuple[int, int, int] = (100, 40, 24)
    dtype: np.dtype = np.dtype("uint16")  # noqa: RUF009
    seed: int = 0
    watch: object = None
    fails: dict = field(default_factory=dict)  # first frame of the failing piece -> error
    asked: list = field(default_factory=list)
    seen: list = field(default_factory=list)

    def __getitem__(self, index):
        self.asked.append(range(self.shape[0])[index])
        self.seen.append(None if self.watch is None else self.watch())
        for frame, error in self.fails.items():
            if frame in self.asked[-1]:
                raise error
        return np.stack([self.frame(number) for number in self.asked[-1]])

    def frame(self, number):
        values = np.random.default_rng([self.seed, number]).normal(100, 30, self.shape[1:])
        return values.astype(self.dtype)
