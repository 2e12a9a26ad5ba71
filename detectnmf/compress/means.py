"""`LocalMeans`: a movie of small squares of pixels; nothing is lost but what is finer, and the noise stays white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from detectnmf.compress.moments import Sums, load_chunk
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.memory import GIB
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

COPIES = 6  # of a piece of the movie in memory
HELD = 3  # of V in memory: itself, and what later stages make of it
TINY = 1e-12


@dataclass(frozen=True)
class LocalMeans:
    """U: the indicator of each square over the root of its pixels. V: the squares' courses, each with white noise of variance 1.

    For events that are wide and weak: a decomposition keeps what stands out of the noise in a block's whole film, and what happens once
    for a few seconds does not, however many pixels it covers.

    Args:
        edge: of the squares (µm); a fifth of the smallest event's width.
    """

    edge: float = 10.0

    def __post_init__(self) -> None:
        if not self.edge > 0:
            raise UserError(f"compress.edge must be above 0 µm, got {self.edge}")

    def __call__(self, recording: Recording, runtime: Runtime) -> Compressed:
        """Reads the movie twice: for means and noise levels, then for the squares.

        Raises:
            UserError: the squares of all frames do not fit into the memory.
        """
        size, frames = recording.size, len(recording)
        edge = max(1, round(self.edge / recording.pixel_size))
        need = HELD * 4 * -(-size[0] // edge) * -(-size[1] // edge) * frames
        if need > runtime.budget:
            larger = edge * np.sqrt(need / runtime.budget) * recording.pixel_size
            raise UserError(
                f"{recording.path or recording.name}: squares of {edge} px would take {need / GIB:.2g} GiB of {runtime.budget / GIB:.2g}; "
                f"raise max_memory, or take larger ones: compress.edge={larger:.2g}"
            )
        device = runtime.torch_device
        step = runtime.batch(4 * size[0] * size[1] * COPIES, most=256)
        sums, offset = Sums(size[0] * size[1], device), None
        lost = np.zeros(frames)
        bad_frames = np.zeros(frames, bool) if recording.bad_frames is None else recording.bad_frames.astype(bool)
        for piece, raw in recording.chunks(step):
            data, mask = load_chunk(raw, device)
            if mask is not None:
                lost[piece] = 1 - mask.double().mean(0).cpu().numpy()
            bad_frames[piece] |= lost[piece] > 0.5
            if bad_frames[piece].any():  # what is left of them is no measure of anything
                good = torch.from_numpy(~bad_frames[piece]).to(device).expand(data.shape)
                mask = good if mask is None else mask & good
                data = data * good
            if offset is None:  # near the mean, so that squares do not lose their digits
                offset = data.sum(1, keepdim=True) / (data.shape[1] if mask is None else mask.sum(1, keepdim=True).clamp(min=1))
            data = data - offset
            if mask is not None:
                data *= mask
            sums.add(data, mask)
        assert offset is not None
        count = sums.count.clamp(min=1)
        mean = sums.total / count
        spread = (sums.square / count - mean**2).clamp(min=0).sqrt()
        fewest = 0.5 * max(frames - int(bad_frames.sum()), 1)
        bad_pixels = ((sums.count < fewest) | ~(spread > TINY * (1 + offset[:, 0].abs()))).cpu().numpy()
        if recording.bad_pixels is not None:
            bad_pixels |= recording.bad_pixels.ravel()
        noise = sums.noise.cpu().numpy()
        noise[bad_pixels | ~(noise > 0)] = 1
        centre = (mean.float() + offset[:, 0]).cpu().numpy()
        centre[~np.isfinite(centre)] = 0
        U = squares(size, edge, ~bad_pixels)
        scaled = SparseMatrix(sparse.csr_array(U.T @ sparse.diags_array(1 / noise)), device)
        V = torch.zeros((U.shape[1], frames), device=device)
        level = torch.from_numpy(centre).to(device)[:, None]
        missing = 0
        for piece, raw in recording.chunks(step):
            data, mask = load_chunk(raw, device)
            data = data - level
            if mask is not None:
                data *= mask
                missing += int((~mask.cpu().numpy())[~bad_pixels].sum())
            V[:, piece] = scaled @ data
        if bad_frames.any() and not bad_frames.all():
            V = bridged(V, bad_frames)
            missing -= round(float(lost[bad_frames].sum() * (~bad_pixels).sum()))
        return Compressed(
            SparseMatrix(U, device),
            V,
            centre.reshape(size),
            noise.astype(np.float32).reshape(size),
            U_local=SparseMatrix(U, device),
            bad_frames=bad_frames if bad_frames.any() else None,
            bad_pixels=bad_pixels.reshape(size) if bad_pixels.any() else None,
            rank_map=(~bad_pixels).astype(np.int32).reshape(size),
            missing=max(0, missing),
            rate=recording.rate,
            pixel_size=recording.pixel_size,
            name=recording.name,
        )


def squares(size: tuple[int, int], edge: int, good: np.ndarray) -> sparse.csr_array:
    """(P, R) orthonormal: each usable pixel's square, in C order; squares without any are left out."""
    rows, columns = np.divmod(np.flatnonzero(good), size[1])
    _, square, count = np.unique((rows // edge) * size[1] + columns // edge, return_inverse=True, return_counts=True)
    values = (1 / np.sqrt(count))[square].astype(np.float32)
    return sparse.csr_array((values, (np.flatnonzero(good), square)), shape=(len(good), len(count)))


def bridged(V: torch.Tensor, bad: np.ndarray) -> torch.Tensor:
    """(R, T) with the bad frames interpolated linearly."""
    there, place = np.flatnonzero(~bad), np.flatnonzero(bad)
    after = np.clip(np.searchsorted(there, place), 1, max(len(there) - 1, 1)) if len(there) > 1 else np.zeros(len(place), int)
    before = np.maximum(after - 1, 0)
    span = np.maximum(there[after] - there[before], 1)
    share = torch.from_numpy(np.clip((place - there[before]) / span, 0, 1).astype(np.float32)).to(V.device)
    V = V.clone()
    V[:, place] = V[:, there[before]] * (1 - share) + V[:, there[after]] * share
    return V
