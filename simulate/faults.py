"""From the camera to the disk frames get lost, blank or written twice, and the mains hum: `Faults` (contract), `Faultless`, `Faulty`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import brentq

from detectnmf.errors import UserError


@dataclass(frozen=True)
class Acquired:
    """Which frames reached the disk, and what hums in them.

    Args:
        index: (T,) int64, never falling: the frame of the tissue's time that each written frame shows. A step of 2 or more is a lost
            frame, of 0 a frame written twice.
        blank: (T,) bool, frames without light.
        hum: (n, m) float32 in counts per frame of the tissue's time, and `pattern`: (m, Y): row y of frame t is raised by
            hum[t] @ pattern[:, y]; n = index[-1] + 1.
        pattern: see `hum`.
    """

    index: np.ndarray
    blank: np.ndarray
    hum: np.ndarray
    pattern: np.ndarray


class Faults(Protocol):
    """Faults, drawn at random.

    To add one: write a frozen dataclass with `draw`, and a YAML in `configs/faults` with its `_target_` and knobs. The contract
    tests find the YAML.
    """

    def draw(self, frames: int, size: tuple[int, int], rate: float, rng: np.random.Generator) -> Acquired:
        """For `frames` written frames of (Y, X) = `size` at `rate` Hz."""
        ...


@dataclass(frozen=True)
class Faultless:
    """Every frame once."""

    def draw(self, frames: int, size: tuple[int, int], rate: float, rng: np.random.Generator) -> Acquired:
        """index = 0, 1, 2, ..."""
        none = np.zeros((frames, 0), np.float32)
        return Acquired(np.arange(frames), np.zeros(frames, bool), none, np.zeros((0, size[0]), np.float32))


def runs(frames: int, share: float, length: float, rng: np.random.Generator) -> np.ndarray:
    """(T,) True in runs that come at random, of geometric length with this mean, which cover this share of the frames.

    A frame is free if no run began d frames before and is longer than that, for any d: Π (1 - chance · (1 - 1/length)^d) = 1 - share.
    """
    before = int(np.ceil(8 * length))
    lasting = (1 - 1 / length) ** np.arange(8 * before)
    chance = brentq(lambda chance: np.log1p(-chance * lasting).sum() - np.log1p(-share), 0, 1 - 1e-12) if share else 0.0
    starts = np.flatnonzero(rng.random(before + frames) < chance)
    ends = np.minimum(starts + rng.geometric(1 / length, len(starts)), before + frames)
    change = np.bincount(starts, minlength=before + frames + 1) - np.bincount(ends, minlength=before + frames + 1)
    return np.asarray(np.cumsum(change)[before : before + frames] > 0)


def mains(frames: int, rows: int, rate: float, frequency: float, phase: float) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) and (2, Y), whose product is sin(2π f (t / rate + y / (rate · Y)) + phase): rows are recorded one after another."""
    time = 2 * np.pi * (frequency / rate * np.arange(frames) % 1) + phase
    row = 2 * np.pi * frequency / rate * np.arange(rows) / rows
    return np.stack([np.sin(time), np.cos(time)], axis=1), np.stack([np.cos(row), np.sin(row)])


@dataclass(frozen=True)
class Faulty:
    """Frames are lost, written twice or blank, now and then several in a row; the mains hum, and rows flicker.

    Args:
        lost: share of the camera's frames that are never written.
        twice: share of the written frames that repeat the one before.
        blank: share of the written frames that are dark.
        burst: how many frames in a row are lost, or blank, on average.
        hum: amplitude of the mains hum (counts).
        frequency: of the mains (Hz).
        rows: standard deviation of the random offset of each row in each frame (counts). Above 0 it takes 4 · T · Y bytes.
    """

    lost: float = 0.002
    twice: float = 0.001
    blank: float = 0.001
    burst: float = 2.0
    hum: float = 1.0
    frequency: float = 50.0
    rows: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lost", "twice", "blank"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise UserError(f"faults.{name} must lie in 0..0.5, got {getattr(self, name)}")
        if self.burst < 1:
            raise UserError(f"faults.burst must be 1 frame or more, got {self.burst}")
        for name in ("hum", "rows"):
            if getattr(self, name) < 0:
                raise UserError(f"faults.{name} must be 0 counts or more, got {getattr(self, name)}")
        if not self.frequency > 0:
            raise UserError(f"faults.frequency must be above 0 Hz, got {self.frequency}")

    def draw(self, frames: int, size: tuple[int, int], rate: float, rng: np.random.Generator) -> Acquired:
        """A frame written twice is never also preceded by lost ones."""
        gaps, dark, current, flicker = rng.spawn(4)
        again = gaps.random(frames) < self.twice
        often = min(self.lost * (1 - self.twice) / ((1 - self.lost) * self.burst), 1 - self.twice)  # gaps per written frame
        gap = ~again & (gaps.random(frames) < often / (1 - self.twice))
        steps = np.where(again, 0, 1 + gap * gaps.geometric(1 / self.burst, frames))
        steps[0] = 0
        index = np.cumsum(steps).astype(np.int64)
        blank = runs(frames, self.blank, self.burst, dark)
        passed = int(index[-1]) + 1
        hum, pattern = np.zeros((passed, 0), np.float32), np.zeros((0, size[0]), np.float32)
        if self.hum:
            courses, waves = mains(passed, size[0], rate, self.frequency, current.uniform(0, 2 * np.pi))
            hum, pattern = (self.hum * courses).astype(np.float32), waves.astype(np.float32)
        if self.rows:
            hum = np.hstack([hum, np.float32(self.rows) * flicker.standard_normal((passed, size[0]), dtype=np.float32)])
            pattern = np.vstack([pattern, np.eye(size[0], dtype=np.float32)])
        return Acquired(index, blank, hum, pattern)
