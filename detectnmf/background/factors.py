"""A few images times courses that the open pixels of a movie share, fitted so that cells not found yet do not matter.

Least squares in turns, robust: before each sweep, what departs from the fit by more than a few times the usual is cut there
(Huber's estimate by pseudo-data). A background is everywhere; a cell stands out in a few places, now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TINY = 1e-12
USUAL = 1.4826  # standard deviation over median absolute deviation


@dataclass(frozen=True)
class Factors:
    """Y ≈ images @ courses, the strongest pair first.

    Args:
        images: (Q, r) orthonormal under the precision. courses: (r, T) orthogonal.
        cut: departures count up to here, in units of 1 / sqrt(precision).
    """

    images: Tensor
    courses: Tensor
    cut: float


def fit(
    Y: Tensor, precision: Tensor, start: Tensor, refine: Callable[[Tensor], Tensor], clip: float, sweeps: int, tolerance: float = 1e-3
) -> Factors:
    """Images and courses of (Q, T) data.

    Args:
        Y: (Q, T) with mean 0 over time.
        precision: (Q,) inverse noise variance; 0 leaves a point out.
        start: (Q, r) images to begin with.
        refine: (Q, r) -> (Q, r) puts images right after each sweep.
        clip: departures count up to so many times the usual.
        sweeps: at most.
        tolerance: relative change of the fit below which it stands still.
    """
    root = precision.sqrt()[:, None]
    data = Y * root
    there = torch.nonzero(precision > 0).ravel()
    images, target, cut = start, data, float("inf")
    before = torch.zeros_like(data)
    for _ in range(sweeps):
        courses = solve(images * root, target)
        images = refine(solve(courses.T, target.T).T / root.clamp_min(TINY))
        fitted = (images * root) @ courses
        cut = clip * USUAL * float((data - fitted)[there].abs().median())
        target = huber(data, fitted, cut)
        still = float((fitted - before).norm()) <= tolerance * float(fitted.norm())
        before = fitted
        if still:
            break
    return ordered(images, project(images, Y, precision, cut), precision, cut)


def project(images: Tensor, Y: Tensor, precision: Tensor, cut: float, sweeps: int = 5) -> Tensor:
    """(r, T) courses of given images, robust frame by frame."""
    root = precision.sqrt()[:, None]
    X, data = images * root, Y * root
    courses = solve(X, data)
    for _ in range(sweeps):
        courses = solve(X, huber(data, X @ courses, cut))
    return courses


def huber(data: Tensor, fitted: Tensor, cut: float) -> Tensor:
    """Data whose departure from a fit is cut."""
    return fitted + (data - fitted).clamp(-cut, cut)


def solve(X: Tensor, data: Tensor) -> Tensor:
    """(r, n) least squares of data (m, n) on X (m, r)."""
    gram = (X.T @ X).double()
    gram += (1e-9 * gram.diagonal().mean() + TINY) * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    return torch.linalg.solve(gram, (X.T @ data).double()).float()


def ordered(images: Tensor, courses: Tensor, precision: Tensor, cut: float) -> Factors:
    """The same product with orthogonal factors, images positive on the whole."""
    root = precision.sqrt()[:, None]
    _, mix = torch.linalg.qr((images * root).double())
    right, other = torch.linalg.qr(courses.double().T)
    turn, values, v = torch.linalg.svd(mix @ other.T, full_matrices=False)
    turned = images.double() @ (torch.linalg.pinv(mix) @ turn)
    sign = torch.where(precision.double() @ turned < 0, -1.0, 1.0)
    return Factors((turned * sign).float(), ((sign * values)[:, None] * v @ right.T).float(), cut)


def correlations(Y: Tensor, factors: Factors, noise: Tensor) -> Tensor:
    """(Q, r) of each point with each course, what stronger pairs explain taken away.

    Args:
        noise: (Q,) energy of what noise is left in Y, counted with each point.
    """
    along = Y @ factors.courses.T  # (Q, r)
    energy = factors.courses.square().sum(dim=1)
    explained = 2 * along * factors.images - factors.images.square() * energy
    left = Y.square().sum(dim=1, keepdim=True) - explained.cumsum(dim=1) + explained
    sign = factors.images.sign()
    return sign * along / ((left.clamp_min(0) + noise[:, None]) * energy).clamp_min(TINY).sqrt()


def cosines(size: tuple[int, int], count: int) -> np.ndarray:
    """(Q, count) the smoothest cosine images of a grid, the constant first."""
    rows, columns = ((np.arange(n) + 0.5) * np.pi / n for n in size)
    waves = sorted(((i / size[0]) ** 2 + (j / size[1]) ** 2, i, j) for i in range(min(count, size[0])) for j in range(min(count, size[1])))
    images = [np.outer(np.cos(i * rows), np.cos(j * columns)).ravel() for _, i, j in waves[:count]]
    return np.stack(images, axis=1).astype(np.float32)
