"""The first pass over a movie: mean, noise level, and a spatial basis of every block, with missing values masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from detectnmf.compress.sketch import Sketch
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

LARGEST = 1e15  # what is larger is a mark for a missing value, and its square would overflow


@dataclass(frozen=True)
class Moments:
    """What the first pass leaves: per pixel in C order, on the runtime's device.

    Args:
        mean: (P,) mean over valid samples, recording's units.
        std: (P,) noise level, recording's units; 1 at bad pixels.
        basis: (N, n, L) orthonormal basis of each block's pixels, for the movie in units of noise; zero at bad pixels.
        bad_pixels: (P,) constant, or missing in more than half of the frames.
        bad_frames: (T,) more than half of the pixels missing, or known beforehand to be bad.
        missing: number of single samples missing outside of bad frames and pixels.
    """

    mean: Tensor
    std: Tensor
    basis: Tensor
    bad_pixels: Tensor
    bad_frames: np.ndarray
    missing: int


def load_chunk(raw: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Frames (n, Y, X) as float32 (n, P) with missing samples 0, and the mask of what is there (None if all is).

    Missing is what is not a number of a usable size, and for integers the largest value of the type: a saturated sample.
    """
    flat = raw.reshape(len(raw), -1)
    if np.issubdtype(flat.dtype, np.integer):
        top = np.iinfo(flat.dtype).max
        there = None if flat.max(initial=0) < top else torch.from_numpy(flat != top)
        data = torch.from_numpy(flat.astype(np.float32))
    else:
        data = torch.from_numpy(np.array(flat, dtype=np.float32))
        finite = data.abs() < LARGEST  # not so for NaN
        there = None if bool(finite.all()) else finite
    data = data.to(device)
    if there is not None:
        there = there.to(device)
        data = torch.where(there, data, 0.0)
    return data, there


def first_pass(recording: Recording, index: Tensor, columns: int, step: int, runtime: Runtime) -> Moments:
    """Stream the movie once.

    Noise is estimated from second differences, which slow signals bias little. The sketch works with the mean and noise of
    the first chunk; its basis is carried over to the final ones at the end.

    Args:
        index: (N, n) pixels of each block.
        columns: L.
        step: frames per chunk.
    """
    device = runtime.torch_device
    frames, pixels = len(recording), recording.size[0] * recording.size[1]
    bad_frames = np.zeros(frames, bool) if recording.bad_frames is None else recording.bad_frames.astype(bool)
    total, square, count, rough, pairs = (torch.zeros(pixels, dtype=torch.float64, device=device) for _ in range(5))
    offset, scale = torch.zeros(pixels, device=device), torch.ones(pixels, device=device)
    sketch = Sketch(index, columns, runtime)
    tail: tuple[Tensor, Tensor] | None = None
    for piece, raw in runtime.progress(recording.chunks(step), "compress 1/2", -(-frames // step)):
        data, there = load_chunk(raw, device)
        good = torch.from_numpy(~bad_frames[piece]).to(device)
        if there is not None:
            blind = there.float().mean(1) < 0.5
            bad_frames[piece] |= blind.cpu().numpy()
            good &= ~blind
        mask = good[:, None].expand_as(data) if there is None else there & good[:, None]
        if piece.start == 0:
            offset = torch.where(mask, data, 0.0).sum(0) / mask.sum(0).clamp(min=1)
        data = torch.where(mask, data - offset, 0.0)
        total += data.sum(0)
        square += data.square().sum(0)
        count += mask.sum(0)
        if tail is not None:
            data, mask = torch.cat([tail[0], data]), torch.cat([tail[1], mask])
        if len(data) > 2:
            whole = mask[:-2] & mask[1:-1] & mask[2:]
            rough += torch.where(whole, data[:-2] - 2 * data[1:-1] + data[2:], 0.0).square().sum(0)
            pairs += whole.sum(0)
        if piece.start == 0:
            scale = (rough / pairs.clamp(min=1) / 6).sqrt().float()
            lively = scale[scale > 0]
            scale = scale.clamp(min=float(lively.median()) * 0.2 if len(lively) else 1.0)
        sketch.add(data[len(data) - len(raw) :][good] / scale)
        tail = data[-2:].clone(), mask[-2:].clone()
    mean = total / count.clamp(min=1)
    variance = (square / count.clamp(min=1) - mean.square()).clamp(min=0)
    noise = (rough / pairs.clamp(min=1) / 6).sqrt()
    quantum = 1 / np.sqrt(12) if np.issubdtype(recording.dtype, np.integer) else 0.0
    std = torch.maximum(noise, 1e-3 * variance.sqrt()).clamp(min=quantum)
    gaps = float(frames - int(bad_frames.sum())) - count
    level = (mean + offset).abs().clamp(min=1e-30)
    bad_pixels = (count < 0.5 * max(frames - int(bad_frames.sum()), 1)) | (variance <= (1e-6 * level) ** 2)
    if recording.bad_pixels is not None:
        bad_pixels |= torch.from_numpy(recording.bad_pixels.ravel().astype(bool)).to(device)
    std[bad_pixels] = 1.0
    rescale = torch.where(bad_pixels, 0.0, scale / std).float()
    return Moments((mean + offset).float(), std.float(), sketch.basis(rescale), bad_pixels, bad_frames, int(gaps[~bad_pixels].sum()))
