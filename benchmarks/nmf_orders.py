"""The methods of Friedrich 2017 in plain NumPy, to be timed beside ours: one neuron at a time, HALS, and HALS on means first.

D (P, T) movie, S (n + 1, P) shapes, A (n + 1, T) activities, the background's last; masks (n + 1, P) the patches; all dense.
Each is a generator of (S, A), so that whoever runs it can stop the clock between two iterations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

Iterates = Iterator[tuple[np.ndarray, np.ndarray]]
TINY = 1e-12


@dataclass(frozen=True)
class Problem:
    """D (Y, X, T) float32, centres' patches (n, Y, X) with the Gaussians in them, 0 outside."""

    D: np.ndarray
    patches: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        return self.D.reshape(-1, self.D.shape[2])

    def start(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """S, A and masks: Gaussians and the 20th percentile; the movie at the centres and ones."""
        D = self.flat
        low = np.percentile(D, 20, axis=1).astype(np.float32)
        S = np.concatenate([self.patches.reshape(len(self.patches), -1), low[None]])
        A = np.concatenate([D[S[:-1].argmax(axis=1)], np.ones((1, D.shape[1]), np.float32)])
        return S, A, np.concatenate([S[:-1] > 0, np.ones((1, len(D)), bool)])

    def decimated(self, frames: int, pixels: int) -> Problem:
        """Means over frames, then over squares of pixels."""
        rows, columns, length = self.D.shape
        means = self.D[:, :, : length // frames * frames].reshape(rows, columns, -1, frames).mean(axis=3)
        return Problem(squares(means, pixels), np.moveaxis(squares(np.moveaxis(self.patches, 0, 2), pixels), 2, 0))

    def error(self, S: np.ndarray, A: np.ndarray, energy: float) -> float:
        """Mean square residual, for the energy ‖D‖²."""
        cross = float(np.sum((S @ self.flat) * A, dtype=np.float64))
        own = float(np.sum((S.astype(np.float64) @ S.T) * (A.astype(np.float64) @ A.T)))
        return (energy - 2 * cross + own) / self.D.size


def squares(x: np.ndarray, pixels: int) -> np.ndarray:
    """Means over squares of (Y, X, n); edges that are left over are left out."""
    rows, columns = (edge // pixels for edge in x.shape[:2])
    x = x[: rows * pixels, : columns * pixels].reshape(rows, pixels, columns, pixels, -1)
    return np.ascontiguousarray(x.mean(axis=(1, 3)), np.float32)


def activities(D: np.ndarray, S: np.ndarray, A: np.ndarray, sweeps: int = 1) -> np.ndarray:
    """All activities, one after the other, shapes fixed."""
    A = A.copy()
    wanted, shared = S @ D, S @ S.T
    for _ in range(sweeps):
        for k in range(len(A)):
            A[k] = np.maximum(0, A[k] + (wanted[k] - shared[k] @ A) / max(shared[k, k], TINY))
    return A


def shapes(D: np.ndarray, S: np.ndarray, A: np.ndarray, masks: np.ndarray, sweeps: int = 1) -> np.ndarray:
    """All shapes, one after the other, activities fixed."""
    S = S.copy()
    wanted, shared = A @ D.T, A @ A.T
    for _ in range(sweeps):
        for k in range(len(S)):
            S[k] = masks[k] * np.maximum(0, S[k] + (wanted[k] - shared[k] @ S) / max(shared[k, k], TINY))
    return S


def hals(problem: Problem) -> Iterates:
    """All activities, then all shapes."""
    S, A, masks = problem.start()
    while True:
        A = activities(problem.flat, S, A)
        S = shapes(problem.flat, S, A, masks)
        yield S, A


def one_at_a_time(problem: Problem) -> Iterates:
    """Activity and shape of one neuron, then of the next, on the residual: block-coordinate descent."""
    S, A, masks = problem.start()
    where = [np.flatnonzero(mask) for mask in masks]
    residual = problem.flat - S.T @ A
    while True:
        for k, pixels in enumerate(where):
            all_of_them = len(pixels) == len(residual)
            mine = residual if all_of_them else residual[pixels]
            s, a = S[k, pixels], A[k]
            mine += np.outer(s, a)
            a = np.maximum(0, s @ mine / max(float(s @ s), TINY))
            s = np.maximum(0, mine @ a / max(float(a @ a), TINY))
            mine -= np.outer(s, a)
            if not all_of_them:
                residual[pixels] = mine
            S[k, pixels], A[k] = s, a
        yield S, A


def one_at_a_time_by_frames(problem: Problem) -> Iterates:
    """The same with the movie as (T, P), as the paper writes it: a patch is then some columns, which lie far apart in memory."""
    S, A, masks = problem.start()
    where = [np.flatnonzero(mask) for mask in masks]
    residual = np.ascontiguousarray(problem.flat.T) - A.T @ S
    while True:
        for k, pixels in enumerate(where):
            mine = residual[:, pixels] + np.outer(A[k], S[k, pixels])
            A[k] = np.maximum(0, mine @ S[k, pixels] / max(float(S[k, pixels] @ S[k, pixels]), TINY))
            S[k, pixels] = np.maximum(0, A[k] @ mine / max(float(A[k] @ A[k]), TINY))
            residual[:, pixels] = mine - np.outer(A[k], S[k, pixels])
        yield S, A


def coarse_to_fine(problem: Problem, frames: int, pixels: int, iterations: int) -> Iterates:
    """Algorithm 1: HALS on means, then on the movie itself."""
    small = problem.decimated(frames, pixels)
    S, A, masks = small.start()
    for _ in range(iterations):
        A = activities(small.flat, S, A)
        S = shapes(small.flat, S, A, masks)
    rows, columns = problem.D.shape[:2]
    images = S.reshape(len(S), *small.D.shape[:2]).repeat(pixels, axis=1).repeat(pixels, axis=2)
    images = np.pad(images, ((0, 0), (0, rows - images.shape[1]), (0, columns - images.shape[2])), mode="edge")
    masks = np.concatenate([problem.patches.reshape(len(S) - 1, -1) > 0, np.ones((1, rows * columns), bool)])
    S = images.reshape(len(S), -1) * masks
    A = np.repeat(A.mean(axis=1, keepdims=True), problem.D.shape[2], axis=1)
    A = activities(problem.flat, S, A, 5)
    S = shapes(problem.flat, S, A, masks, 5)
    while True:
        yield S, A
        A = activities(problem.flat, S, A)
        S = shapes(problem.flat, S, A, masks)
