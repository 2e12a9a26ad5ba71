"""The second pass over a movie: every frame on every block's basis."""

from __future__ import annotations

import tempfile

import numpy as np
import torch
from torch import Tensor

from detectnmf.compress.moments import Moments, load_chunk
from detectnmf.compress.sketch import GROUP_BYTES
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime


def second_pass(recording: Recording, moments: Moments, Q: Tensor, index: Tensor, step: int, runtime: Runtime) -> np.ndarray:
    """Coefficients (C, T) of every frame on the C columns of Q (N, n, M) that are not zero; on disk when they exceed the budget.

    Args:
        index: (N, n) pixels of each block.
        step: frames per chunk.
    """
    device, frames = Q.device, len(recording)
    used = Q.square().sum(1) > 0
    ends = np.append(0, used.sum(1).cumsum(0).cpu().numpy())
    out = _room((int(ends[-1]), frames), runtime)
    weighted = (Q / moments.std[index][..., None]).mT.contiguous()
    most = len(Q) if device.type != "cpu" else max(1, GROUP_BYTES // (4 * index.shape[1] * step))
    group = runtime.batch(4 * (index.shape[1] + Q.shape[-1]) * step * 2, most=most)
    parts = [slice(start, min(start + group, len(Q))) for start in range(0, len(Q), group)]

    def project(piece: slice) -> None:
        data, there = load_chunk(recording[piece], device)
        data -= moments.mean[:, None]
        good = None
        if there is not None:
            data *= there
            there |= moments.bad_pixels[:, None]
            good = torch.from_numpy(~moments.bad_frames[piece]).to(device)
        room = torch.empty(group * index.shape[1], data.shape[1], device=device)
        for part in parts:
            pixels = index[part]
            inside = torch.index_select(data, 0, pixels.flatten(), out=room[: pixels.numel()])
            found = weighted[part] @ inside.unflatten(0, pixels.shape)  # (g, M, t)
            if there is not None and good is not None:
                _refit_missing(found, Q[part], there, pixels, good)
            out[ends[part.start] : ends[part.stop], piece] = found[used[part]].cpu().numpy()

    at = 0
    for piece, values in runtime.partial.added("coefficients"):  # of an interrupted run
        out[:, piece], at = values, piece.stop
    kept = at
    for piece, _ in runtime.pieces(frames if len(out) else 0, step, project, "compress 2/2", at):
        if runtime.partial.due:
            runtime.partial.add("coefficients", kept, piece.stop, out[:, kept : piece.stop])
            kept = piece.stop
    return out


def _refit_missing(found: Tensor, Q: Tensor, there: Tensor, index: Tensor, good: Tensor) -> None:
    """Least squares on the samples that are there, in place: (QᵀQ without the missing pixels)⁻¹ times what was found without them."""
    eye = torch.eye(Q.shape[-1], device=Q.device)
    for coefficients, basis, pixels in zip(found, Q, index, strict=True):
        seen = there[pixels]
        frames = ((~seen).any(0) & good).nonzero()[:, 0]
        if not len(frames):
            continue
        pairs = (basis[:, :, None] * basis[:, None, :]).flatten(1)  # (n, M²)
        gram = (seen[:, frames].float().T @ pairs).unflatten(1, eye.shape) + 1e-3 * eye
        coefficients[:, frames] = torch.linalg.solve(gram, coefficients[:, frames].T).T


def _room(shape: tuple[int, ...], runtime: Runtime) -> np.ndarray:
    if 4 * np.prod(shape, dtype=np.int64) < 0.4 * runtime.host_budget:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile() as file:  # has no name; the system frees it when the map goes
        return np.memmap(file, np.float32, "w+", shape=shape)


def interpolate(V: Tensor, bad: np.ndarray) -> Tensor:
    """Bad frames' columns of V, linearly between their good neighbours."""
    good = np.flatnonzero(~bad)
    if not len(good):
        return torch.zeros_like(V)
    at = np.flatnonzero(bad)
    right = np.clip(np.searchsorted(good, at), 0, len(good) - 1)
    left = np.clip(right - 1, 0, None)
    low, high = good[left], good[right]
    share = np.clip((at - low) / np.maximum(high - low, 1), 0, 1).astype(np.float32)
    share = torch.from_numpy(share).to(V.device)
    V = V.clone()
    V[:, at] = V[:, low] * (1 - share) + V[:, high] * share
    return V
