"""Fluctuating backgrounds of one kind each, (P, T) in units of noise, for movies made of exactly that and cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage
from toys import Toy, compress, toy


def slow(count, frames, rng, decay=15.0):
    """(count, T) slow courses, uncorrelated, mean 0, standard deviation 1."""
    courses = ndimage.gaussian_filter1d(rng.standard_normal((count, frames)), decay, axis=1)
    left, _, right = np.linalg.svd(courses - courses.mean(axis=1, keepdims=True), full_matrices=False)
    return (left @ right) * np.sqrt(frames)


def static(size, frames, rng):
    return np.zeros((size[0] * size[1], frames))


def vignetted(size, frames, rng):
    """One image, bright in the middle and with a coarse grain, times one course."""
    y, x = (np.linspace(-1, 1, n) for n in size)
    grain = 1 + 0.1 * ndimage.zoom(rng.standard_normal((size[0] // 4, size[1] // 4)), 4, order=0)
    return np.outer((np.exp(-(y[:, None] ** 2 + x**2)) * grain).ravel(), slow(1, frames, rng)[0])


def drifting(size, frames, rng):
    """Three smooth images over the whole field, each with its own course."""
    y, x = (np.linspace(0, np.pi, n) for n in size)
    images = [np.ones(size), np.cos(y)[:, None] * np.ones(size), np.ones(size) * np.cos(x)]
    return np.stack([i.ravel() for i in images], axis=1) @ (np.array([[1.0], [0.8], [0.6]]) * slow(3, frames, rng))


def local(size, frames, rng, length=12.0, modes=25):
    """Many smooth patches, each with its own course: light that is shared by what is near alone."""
    images = np.stack([ndimage.gaussian_filter(rng.standard_normal(size), length, mode="reflect").ravel() for _ in range(modes)], axis=1)
    field = images @ slow(modes, frames, rng, 8.0)
    return field / field.std()


KINDS = {"none": static, "rank1": vignetted, "lowrank": drifting, "ring": local}


@lru_cache(maxsize=8)
def movie(kind: str, cells: int = 10, seed: int = 0, size: tuple[int, int] = (64, 64), frames: int = 600) -> Toy:
    """Cells 10 px across on a background of a kind whose standard deviation is the noise's."""
    images = None if cells else np.zeros((0, *size), np.float32)
    made = toy(size=size, frames=frames, cells=cells, seed=seed, noise=0.0, images=images, courses=None if cells else np.zeros((0, frames)))
    rng = np.random.default_rng([seed, 1])
    ground = KINDS[kind](size, frames, rng)
    ground = (ground / max(ground.std(), 1e-9)).astype(np.float32)
    noise = rng.standard_normal(ground.shape).astype(np.float32)
    return replace(made, movie=compress(made.truth.footprints @ made.truth.traces + ground + noise, size), background=ground)


@pytest.fixture(scope="session")
def movie_on() -> Callable[..., Toy]:
    """Makes a movie on a background of the kind "none", "rank1", "lowrank" or "ring"."""
    return movie
