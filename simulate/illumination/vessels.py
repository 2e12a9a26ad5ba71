"""Blood vessels: winding trees that fork and thin, and the shadow they cast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from detectnmf.errors import UserError

STEP = 4.0  # µm between the corners of a vessel's path
TAPER = 3.0  # diameters over which a vessel's end leaves the plane


def walk(
    start: np.ndarray, heading: float, width: float, length: float, persistence: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A worm-like chain: (n + 1, 2) corners (µm) and (n,) headings; directions s µm apart agree as exp(-s / persistence).

    No bend is sharper than the vessel is wide.
    """
    n = max(1, round(length / STEP))
    margin = int(np.ceil(3 * width / STEP))  # bends begin and end outside, so that no piece starts straight
    turns = rng.standard_normal(n + 2 * margin) * np.sqrt(2 * STEP / persistence)
    turns = ndimage.gaussian_filter1d(turns, width / STEP, mode="constant")[margin : margin + n]
    turns[0] = 0
    headings = heading + np.cumsum(turns)
    steps = STEP * np.stack([np.sin(headings), np.cos(headings)], axis=1)
    return np.concatenate([start[None], start + np.cumsum(steps, axis=0)]), headings


def stamp(chords: np.ndarray, pieces: np.ndarray, pixel_size: float) -> None:
    """Enter straight pieces of round vessel into an image of the way (µm) that light makes through blood.

    Args:
        chords: (Y, X), changed in place; where vessels overlap the larger value stays.
        pieces: (n, 6) y, x of both ends (µm from the centre of the first pixel), diameter (µm), weight 0..1.
        pixel_size: µm.
    """
    low = np.minimum(pieces[:, :2], pieces[:, 2:4]) - pieces[:, 4:5] / 2
    high = np.maximum(pieces[:, :2], pieces[:, 2:4]) + pieces[:, 4:5] / 2
    first = np.maximum(np.ceil(low / pixel_size).astype(np.int64), 0)
    last = np.minimum(np.floor(high / pixel_size).astype(np.int64) + 1, chords.shape)
    for piece, (top, left), (bottom, right) in zip(pieces, first, last, strict=True):
        if top >= bottom or left >= right:
            continue
        y = np.arange(top, bottom)[:, None] * pixel_size - piece[0]
        x = np.arange(left, right)[None] * pixel_size - piece[1]
        dy, dx = piece[2] - piece[0], piece[3] - piece[1]
        along = np.clip((y * dy + x * dx) / (dy**2 + dx**2), 0, 1)
        distance = (y - along * dy) ** 2 + (x - along * dx) ** 2
        chord = 2 * piece[5] * np.sqrt(np.maximum(piece[4] ** 2 / 4 - distance, 0))
        part = chords[top:bottom, left:right]
        np.maximum(part, chord, out=part)


@dataclass(frozen=True)
class Vessels:
    """Trees of vessels, seen from above.

    Trunks lie anywhere in any direction, and go on to both sides; they wind as worm-like chains, and fork so that the cubes of
    the diameters add up (Murray's law) until branches are as thin as the thinnest. Light falls off in blood as exp(-way).

    Args:
        per_mm: how many vessels a straight line of 1 mm crosses.
        widths: diameters of the thinnest branch and of the widest trunk (µm).
        darkness: share of the light that is lost in the middle of the widest, before blurring.
        blur: standard deviation (µm) of the blur, for vessels above the focal plane.
        length: of a trunk, before it leaves the layer (µm), mean.
        fork: between forks (µm), mean.
        persistence: way (µm) over which a vessel forgets its direction.
    """

    per_mm: float = 3.0
    widths: tuple[float, float] = (8.0, 40.0)
    darkness: float = 0.7
    blur: float = 6.0
    length: float = 1000.0
    fork: float = 150.0
    persistence: float = 300.0

    def __post_init__(self) -> None:
        if len(self.widths) != 2 or not 0 < self.widths[0] <= self.widths[1]:
            raise UserError(f"widths of vessels must be two diameters in µm, the thinner first, got {list(self.widths)}")
        object.__setattr__(self, "widths", tuple(self.widths))
        if not 0 <= self.darkness < 1:
            raise UserError(f"darkness of vessels must be 0 or more and below 1, got {self.darkness}")
        for name in ("per_mm", "blur"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} of vessels must be 0 or more, got {getattr(self, name)}")
        for name in ("length", "fork", "persistence"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} of vessels must be above 0 µm, got {getattr(self, name)}")

    def tree(self, root: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, 6) pieces of one tree, see `stamp`."""
        thin, wide = self.widths
        trunk = float(np.exp(rng.uniform(np.log(np.sqrt(thin * wide)), np.log(wide)))) if wide > thin else wide
        length, heading = self.length * (0.5 + rng.uniform()), rng.uniform(0, 2 * np.pi)
        # each branch: where, heading, diameter, way left, whether it forks
        waiting = [(root, heading, trunk, length / 2, True), (root, heading + np.pi, trunk, length / 2, False)]
        pieces = []
        while waiting:
            start, heading, width, left, forks = waiting.pop()
            way = min(left, max(self.fork * rng.exponential(), 2 * width)) if forks else left
            corners, headings = walk(start, heading, width, way, self.persistence, rng)
            share = rng.uniform(0.1, 0.5)
            side = rng.choice([-1.0, 1.0])
            thinner, thicker = width * share ** (1 / 3), width * (1 - share) ** (1 / 3)
            children = []
            if forks and left - way > STEP:
                turns = (-0.5 * side * share, 1.2 * side * (1 - share)) if thinner >= thin else (0.0, 0.0)
                for child, turn in zip((thicker, thinner), turns, strict=True):
                    if child >= thin:
                        children.append((corners[-1], float(headings[-1] + turn), child, left - way, True))
            waiting += children
            n = len(headings)
            ahead = STEP * np.arange(n, 0, -1)  # µm to the end
            weight = np.ones(n) if children else np.minimum(ahead / (TAPER * width), 1)
            pieces.append(np.column_stack([corners[:-1], corners[1:], np.full(n, width), weight]))
        return np.concatenate(pieces)

    def network(self, size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, 6) pieces in a field of (2,) µm, as long as the crossings ask: length per area = π/2 · crossings per length."""
        border = min(self.length / 2, 300.0)
        extent = size + 2 * border
        wanted = np.pi / 2 * self.per_mm / 1000 * extent.prod()
        pieces, length = [np.zeros((0, 6))], 0.0
        while length < wanted:
            tree = self.tree(rng.uniform(0, extent), rng)
            centre = (tree[:, :2] + tree[:, 2:4]) / 2
            tree = tree[((centre >= 0) & (centre <= extent)).all(axis=1)][: int((wanted - length) / STEP) + 1]
            pieces.append(tree)
            length += STEP * len(tree)
        every = np.concatenate(pieces)
        every[:, :4] -= border
        return every

    def shadow(self, size: tuple[int, int], pixel_size: float, rng: np.random.Generator) -> np.ndarray:
        """(Y, X) share of the light that passes."""
        fine = int(np.clip(np.ceil(3 * pixel_size / self.widths[0]), 1, 4))  # drawn finer where vessels are thinner than pixels
        pad = int(np.ceil(3 * self.blur / pixel_size))
        step = pixel_size / fine
        chords = np.zeros([(edge + 2 * pad) * fine for edge in size], np.float32)
        pieces = self.network(np.array(size) * pixel_size, rng)
        pieces[:, :4] += pad * pixel_size + (fine - 1) / 2 * step
        stamp(chords, pieces, step)
        passed = np.exp(np.log1p(-self.darkness) / self.widths[1] * chords)
        passed = passed.reshape(size[0] + 2 * pad, fine, size[1] + 2 * pad, fine).mean(axis=(1, 3))
        passed = ndimage.gaussian_filter(passed, self.blur / pixel_size)
        return np.asarray(passed[pad : pad + size[0], pad : pad + size[1]])
