"""The fast sparsener: weighted backward difference on V, a soft threshold per pixel, re-projection (maskNMF, "Sparsening")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime

BAND, FEWEST, MOST = 2**20, 64, 16384  # values of a band that stay in a CPU's cache; rows at least, and at most


@dataclass(frozen=True)
class Fast:
    """s_t = y_t - g y_(t-1), then max(0, s), minus its high temporal percentile, max(0, .), projected on U.

    Args:
        decay: decay time of the indicator (s); g = exp(-1 / (decay · rate)).
        percentile: of each pixel's positive part, subtracted as a soft threshold (%); 0 subtracts nothing.
    """

    decay: float = 0.6
    percentile: float = 95.0

    def __post_init__(self) -> None:
        if self.decay <= 0:
            raise UserError(f"sparsen.decay must be above 0 s, got {self.decay}; GCaMP6f 0.4-0.7, GCaMP6s 1.25-1.5")
        if not 0 <= self.percentile < 100:
            raise UserError(f"sparsen.percentile must be in 0..100, got {self.percentile}")

    def __call__(self, movie: Compressed, runtime: Runtime) -> Compressed:
        """Stream over pixels: never more than a band of rows × T at once."""
        if movie.U_local is None:
            raise ValueError("sparsening needs the local bases (U_local) of the compressed movie")
        V = backward_difference(movie.V, self.decay, movie.rate)
        if movie.bad_frames is not None:
            bad = torch.from_numpy(movie.bad_frames | np.roll(movie.bad_frames, 1)).to(V.device)
            V = V * ~bad
        pixels = movie.size[0] * movie.size[1]
        out = torch.zeros_like(V)
        rows = max(FEWEST, min(MOST, BAND // len(movie))) if V.device.type == "cpu" else MOST
        step = runtime.batch(len(movie) * 4 * 4, most=rows)
        U, U_local = movie.U, movie.U_local

        def band(rows: slice) -> None:
            dense = soft_threshold(U.rows(rows.start, rows.stop) @ V, self.percentile)
            out.add_(U_local.rows(rows.start, rows.stop).T @ dense)

        runtime.in_batches(pixels, step, band, "sparsen")
        return movie.with_V(out)


def backward_difference(V: Tensor, decay: float, rate: float) -> Tensor:
    """(..., T) -> (..., T): V_t - g V_(t-1) with g = exp(-1 / (decay · rate)); the first frame is 0."""
    out = torch.zeros_like(V)
    out[..., 1:] = V[..., 1:] - float(np.exp(-1 / (decay * rate))) * V[..., :-1]
    return out


def soft_threshold(traces: Tensor, percentile: float) -> Tensor:
    """(n, T) -> (n, T): positive part, minus its temporal percentile, positive part."""
    traces = traces.clamp(min=0)
    if percentile > 0:
        rank = max(1, min(traces.shape[-1], round(traces.shape[-1] * percentile / 100)))
        traces = (traces - _smallest(traces, rank)).clamp(min=0)
    return traces


def _smallest(values: Tensor, rank: int) -> Tensor:
    """The rank-th smallest value of each row, (n, 1)."""
    if values.device.type == "cpu":  # numpy's partition is several times faster than torch's kthvalue
        return torch.from_numpy(np.partition(values.numpy(), rank - 1, axis=-1)[..., rank - 1 : rank])
    return values.kthvalue(rank, dim=-1, keepdim=True).values
