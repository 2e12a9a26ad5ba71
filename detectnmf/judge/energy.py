"""How much of a movie's fluctuation is left when cells and background are taken away. From factors, never P x T."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from detectnmf.result import DemixResult

CHUNK = 512  # frames


def residual_fraction(result: DemixResult) -> float:
    """‖movie - cells - background‖² / ‖movie‖², both centred in time and in units of noise; NaN without a movie.

    With L = [U, -U_b, -A] and R = [V; B; C] the residual is L R, and its energy the sum of R ∘ (LᵀL) R.
    """
    movie, cells, background = result.movie, result.cells, result.background
    if movie is None or cells.traces is None:
        return float("nan")
    per_noise = sparse.diags_array(1 / np.maximum(movie.std.ravel().astype(np.float64), 1e-12))
    rescale = sparse.diags_array(background.std.ravel().astype(np.float64)) @ per_noise
    V, B = movie.V.cpu().numpy(), background.V.cpu().numpy()
    U = movie.U.csr.astype(np.float64)
    left = sparse.hstack([U, -(rescale @ background.U.csr), -(per_noise @ cells.footprints)], format="csr")
    whole, rest = sparse.csr_array(U.T @ U), sparse.csr_array(left.T @ left)
    means = np.concatenate([V.mean(1, dtype=np.float64), B.mean(1, dtype=np.float64), cells.traces.mean(1, dtype=np.float64)])
    before = after = 0.0
    for start in range(0, V.shape[1], CHUNK):
        piece = slice(start, start + CHUNK)
        right = np.concatenate([V[:, piece], B[:, piece], cells.traces[:, piece]]) - means[:, None]
        before += _energy(whole, right[: len(V)])
        after += _energy(rest, right)
    return max(after, 0.0) / before if before > 0 else float("nan")


def _energy(gram: sparse.csr_array, right: np.ndarray) -> float:
    return float(np.vdot(right, gram @ right))
