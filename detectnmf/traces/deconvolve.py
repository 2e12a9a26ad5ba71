"""From a trace at rest at 0 and its coefficients to transients and spikes: the order says by which exact algorithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectnmf.errors import UserError
from detectnmf.traces import pivot
from detectnmf.traces.pools import Pools

SAMPLES = 1 << 15  # solved at a time, so that they stay in the processor's cache
BEFORE = 5  # frames before the recording in which spikes of a higher order may have been


@dataclass(frozen=True)
class Deconvolved:
    """c and s, (K, T) float32 each, and the penalty λ (K,). The first valid frame's s is what was there before: no spike."""

    c: np.ndarray
    s: np.ndarray
    penalty: np.ndarray


def deconvolve(
    y: np.ndarray,
    g: np.ndarray,
    noise: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    least: np.ndarray | None = None,
    penalty: np.ndarray | None = None,
) -> Deconvolved:
    """min ½‖y − c‖² + λ Σ s over s = G c >= 0, for each cell by itself and exactly.

    Without more it is free, λ = 0. Spikes cost nothing before the recording where the order is above 1.

    Args:
        y: (K, T) at rest at 0. g: (K, p) coefficients, roots between 0 and 1.
        noise: (K,) the penalty is such that the residual has this standard deviation, but no less than `penalty`.
        valid: (T,) frames with data; by default all.
        least: (K,) size of the smallest spike; takes the penalty's place. A local search: no exact solution is known.
        penalty: λ (K,) at least, or, without `noise`, exactly; by default 0.

    Raises:
        UserError: shapes that do not fit, fewer valid frames than the order, or a g that does not decay.
    """
    if y.ndim != 2 or g.shape[:1] != y.shape[:1] or g.ndim != 2:
        raise UserError(f"traces must be (K, T) and g (K, p), got {y.shape} and {g.shape}; a single trace? pass y[None]")
    valid = np.ones(y.shape[1], bool) if valid is None else valid
    if valid.sum() <= g.shape[1]:
        raise UserError(f"{int(valid.sum())} valid frames are too few for an autoregressive order of {g.shape[1]}; give more than that")
    if not ((g.sum(axis=1) < 1) & (g[:, 0] > 0)).all():
        raise UserError("g must decay: its first coefficient above 0, their sum below 1")
    energy = None if noise is None else valid.sum() * np.square(noise, dtype=np.float64)
    fine = np.zeros(len(y)) if penalty is None else np.asarray(penalty, np.float64)
    found = (_first if g.shape[1] == 1 else _higher)(y, g, energy, valid, least, fine)
    found.s[:, : int(valid.argmax()) + 1] = 0
    return found


def _first(
    y: np.ndarray, g: np.ndarray, energy: np.ndarray | None, valid: np.ndarray, least: np.ndarray | None, fine: np.ndarray
) -> Deconvolved:
    frames, pools = y.shape[1], Pools.of(y, g[:, 0], None if valid.all() else valid)
    if least is not None:
        pools, fine = pools.without_small(least), np.zeros(len(y))
    else:
        if energy is not None:
            seen = y if valid.all() else y[:, valid]
            pools, own = pools.constrained(np.einsum("kt,kt->k", seen, seen, dtype=np.float64), energy)
            fine = np.maximum(fine, own)
        pools = pools.pooled(fine)  # more joins as λ grows, and nothing comes apart
    return Deconvolved(pools.course(frames, fine), pools.spikes(frames, fine), fine)


def _higher(
    y: np.ndarray, g: np.ndarray, energy: np.ndarray | None, valid: np.ndarray, least: np.ndarray | None, fine: np.ndarray
) -> Deconvolved:
    frames = y.shape[1]
    found = Deconvolved(np.zeros(y.shape, np.float32), np.zeros(y.shape, np.float32), np.zeros(len(y)))
    step = max(1, SAMPLES // frames)
    for some in (slice(first, first + step) for first in range(0, len(y), step)):
        padded = np.pad(np.asarray(y[some], np.float64), ((0, 0), (BEFORE, 0)))
        problem = pivot.Problem(padded, g[some], np.append(np.zeros(BEFORE, bool), valid), BEFORE)
        if least is not None:
            solved = pivot.without_small(problem, least[some])
        else:
            held, penalty = None, fine[some]
            if energy is not None:
                solved, own = pivot.constrained(problem, energy[some])
                penalty, held = np.maximum(penalty, own), solved.held
            solved = pivot.solve(problem, penalty, held)
            found.penalty[some] = penalty
        found.c[some], found.s[some] = np.maximum(solved.c[:, BEFORE:], 0), solved.s[:, BEFORE:]
    return found
