"""AR(p) deconvolution, exact and of many cells at once, by block principal pivoting on banded systems.

min over c of ½ Σ_t w_t (y_t − c_t)² + λ Σ_t ρ_t s_t, s = G c >= 0, with (G c)_t = c_t − g₁ c_{t−1} − … − g_p c_{t−p}; w is 1, and next to 0
where a frame is not valid; ρ is 1, and less where part of a transient falls on such frames (`price`). With multipliers ν of s >= 0,

    c = y − (λ Gᵀρ − Gᵀν) / w,   s >= 0,   ν >= 0,   s_t ν_t = 0.

Where s is held at zero, ν solves a system that is G W⁻¹ Gᵀ there, of bandwidth p. Frames on the wrong side (s < 0, or ν < 0) change
sides, all at once as long as that makes them fewer, else the last one alone, which is sure to end (Júdice & Pires 1994; Kim & Park 2011).
Cells stand behind each other in one banded matrix, and those that are solved leave it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

UNSEEN = 1e8  # 1 / w of a frame that is not valid
PATIENCE = 10  # exchanges of whole blocks that may fail to make the wrong ones fewer
ROUNDS = 500
TINY = 1e-10  # of the largest value in a trace: nothing is on the wrong side
STEPS = 30  # of the search for a penalty, at most
STILL = 1e-6  # relative change of a penalty that is found


@dataclass(frozen=True)
class Solved:
    """c (K, T), spikes s (K, T), and where each is held at zero (K, T)."""

    c: np.ndarray
    s: np.ndarray
    held: np.ndarray


@dataclass(frozen=True)
class Problem:
    """K traces to be deconvolved.

    Args:
        y: (K, T). g: (K, p).
        valid: (T,) frames with data; the others have no spikes.
        lead: of the first frames, those where spikes may be although they are not valid: what happened before the recording.
    """

    y: np.ndarray
    g: np.ndarray
    valid: np.ndarray
    lead: int = 0

    @property
    def scatter(self) -> np.ndarray:
        """(T,) 1 / w."""
        return np.where(self.valid, 1.0, UNSEEN)

    @property
    def barred(self) -> np.ndarray:
        """(T,) frames without spikes."""
        return ~self.valid & (np.arange(len(self.valid)) >= self.lead)

    @property
    def price(self) -> np.ndarray:
        """(K, T) what c costs at each frame: that of all spikes together, where it is seen."""
        return transposed(np.ones_like(self.y), self.g) * self.valid

    def of(self, cells: np.ndarray) -> Problem:
        return Problem(self.y[cells], self.g[cells], self.valid, self.lead)


def innovations(c: np.ndarray, g: np.ndarray) -> np.ndarray:
    """(K, T) s = G c of traces (K, T), 0 before the first frame; g (K, p)."""
    s = np.array(c, np.float64)
    for lag in range(1, min(g.shape[1], c.shape[1] - 1) + 1):
        s[:, lag:] -= g[:, lag - 1, None] * c[:, :-lag]
    return s


def transposed(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """(K, T) Gᵀ x."""
    return innovations(x[:, ::-1], g)[:, ::-1]


def banded(g: np.ndarray, scatter: np.ndarray) -> np.ndarray:
    """(p + 1, K, T) lower diagonals of G W⁻¹ Gᵀ for each cell; scatter (T,)."""
    order, (cells, frames) = g.shape[1], (len(g), len(scatter))
    taps = np.concatenate([np.ones((cells, 1)), -g], axis=1)
    bands = np.zeros((order + 1, cells, frames))
    for lag in range(order + 1):  # Σ_k G[t + lag, t − k] W⁻¹[t − k] G[t, t − k]
        for k in range(min(order + 1 - lag, frames)):
            bands[lag, :, k:] += (taps[:, lag + k] * taps[:, k])[:, None] * scatter[: frames - k]
        bands[lag, :, max(frames - lag, 0) :] = 0  # nothing reaches into the next cell
    return bands


def multipliers(bands: np.ndarray, drive: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(K, T) ν with (G W⁻¹ Gᵀ ν)_t = −drive_t where held, 0 elsewhere."""
    order, flat = len(bands) - 1, held.ravel()
    system = bands.reshape(order + 1, -1) * flat
    for lag in range(1, order + 1):
        system[lag, :-lag] *= flat[lag:]
    system[0] += ~flat
    found = solveh_banded(system, -(drive.ravel() * flat), lower=True, overwrite_ab=True, overwrite_b=True, check_finite=False)
    return np.asarray(found).reshape(held.shape)


def solve(problem: Problem, penalty: np.ndarray, held: np.ndarray | None = None, barred: np.ndarray | None = None) -> Solved:
    """The optimum of each cell.

    Args:
        penalty: λ (K,). held: (K, T) where spikes are zero to begin with. barred: (K, T) where they may not be; by default the problem's.
    """
    g, scatter = problem.g, problem.scatter
    barred = np.broadcast_to(problem.barred, problem.y.shape) if barred is None else barred
    bands = banded(g, scatter)
    target = problem.y - scatter * penalty[:, None] * problem.price
    drive = innovations(target, g)
    held = (barred | (drive < 0)) if held is None else held | barred
    s, nu = np.zeros_like(drive), np.zeros_like(drive)
    cells, frames = drive.shape
    todo, fewest, patience = np.arange(cells), np.full(cells, frames + 1), np.full(cells, PATIENCE)
    limit = TINY * np.maximum(np.abs(drive).max(axis=1, initial=0), 1e-300)[:, None]
    for _ in range(ROUNDS):
        now = held[todo]
        nu[todo] = multipliers(bands[:, todo], drive[todo], now)
        s[todo] = np.where(now, 0, drive[todo] + innovations(scatter * transposed(nu[todo], g[todo]), g[todo]))
        wrong = np.where(now, ~barred[todo] & (nu[todo] < -limit[todo]), s[todo] < -limit[todo])
        count = wrong.sum(axis=1)
        fewer = count < fewest[todo]
        fewest[todo] = np.where(fewer, count, fewest[todo])
        patience[todo] = np.where(fewer, PATIENCE, patience[todo] - 1)
        stuck = patience[todo] < 0
        if stuck.any():
            last = frames - 1 - wrong[stuck][:, ::-1].argmax(axis=1)
            wrong[stuck] &= np.arange(frames) == last[:, None]
        held[todo] = now ^ wrong
        todo = todo[count > 0]
        if not len(todo):
            break
    return Solved(target + scatter * transposed(nu, g), np.maximum(s, 0), held)


def constrained(problem: Problem, most: np.ndarray) -> tuple[Solved, np.ndarray]:
    """The optimum, and the penalty λ (K,) at which Σ w (y − c)² is `most` (K,); λ = 0 where it is more without a penalty.

    With spikes at fixed frames the residual is a quadratic of λ, which is solved; then the spikes move, and so on.
    """
    penalty = np.zeros(len(problem.y))
    solved = solve(problem, penalty)
    todo, scatter = np.arange(len(penalty)), problem.scatter
    for _ in range(STEPS):
        own = problem.of(todo)
        free, steep = (nearest(own, target, solved.held[todo]) for target in (own.y, scatter * own.price))
        left = ((own.y - free) ** 2 / scatter).sum(axis=1)
        slope = (steep**2 / scatter).sum(axis=1)
        better = np.sqrt(np.maximum(most[todo] - left, 0) / np.where(slope > 1e-12, slope, np.inf))
        moved = np.abs(better - penalty[todo]) > STILL * np.maximum(better, 1e-12)
        penalty[todo] = better
        todo = todo[moved]
        if not len(todo):
            break
        again = solve(problem.of(todo), penalty[todo], solved.held[todo])
        for name in ("c", "s", "held"):
            getattr(solved, name)[todo] = getattr(again, name)
    return solved, penalty


def nearest(problem: Problem, target: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(K, T) the course nearest to a target (K, T) that has no spikes where they are held."""
    nu = multipliers(banded(problem.g, problem.scatter), innovations(target, problem.g), held)
    return np.asarray(target + problem.scatter * transposed(nu, problem.g))


def without_small(problem: Problem, least: np.ndarray) -> Solved:
    """Spikes below `least` (K,) taken out, in each neighbourhood the smallest first, and what is left fitted again; no penalty."""
    free = np.zeros(len(problem.y))
    solved = solve(problem, free)
    barred = np.broadcast_to(problem.barred, problem.y.shape).copy()
    todo, first = np.arange(len(free)), int(problem.valid.argmax())
    while len(todo):
        there = solved.s[todo] > 0
        there[:, : first + 1] = False  # what was there before stays
        cell, frame = np.nonzero(there)
        size = solved.s[todo][cell, frame]
        same = cell[1:] == cell[:-1]
        lowest = (size <= np.append(np.inf, np.where(same, size[:-1], np.inf))[: len(size)]) & (
            size < np.append(np.where(same, size[1:], np.inf), np.inf)[: len(size)]
        )
        small = lowest & (size < least[todo][cell])
        barred[todo[cell[small]], frame[small]] = True
        todo = todo[np.unique(cell[small])]
        if len(todo):
            again = solve(problem.of(todo), free[todo], solved.held[todo], barred[todo])
            for name in ("c", "s", "held"):
                getattr(solved, name)[todo] = getattr(again, name)
    return solved
