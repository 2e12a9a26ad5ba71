"""No compression: the movie itself in the form of a compressed one, each pixel its own basis. For patches that fit into memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.compress.moments import Sums, load_chunk, usual
from detectnmf.compress.project import interpolate
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.memory import GIB
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

COPIES = 3  # of the movie in memory while it is demixed
CHUNK = 128  # frames read at a time
MISSING = 0.5  # share of samples from which a frame or a pixel is bad


@dataclass(frozen=True)
class Whole:
    """Every sample is kept, noise included: U is the identity at usable pixels, V the movie in units of noise.

    Args:
        share: of the memory budget that the movie, a few times over, may take.
    """

    share: float = 1.0

    def __call__(self, recording: Recording, runtime: Runtime) -> Compressed:
        """Missing samples are interpolated in time, bad frames marked.

        Raises:
            UserError: the movie does not fit into the memory budget.
        """
        frames, pixels = len(recording), recording.size[0] * recording.size[1]
        needed, allowed = COPIES * 4 * frames * pixels / GIB, self.share * runtime.budget / GIB
        if needed > allowed:
            raise UserError(
                f"{recording.path or recording.name}: uncompressed, this movie takes {needed:.3g} GiB, but {allowed:.3g} are allowed; "
                "take compress=pmd, or raise max_memory="
            )
        device = runtime.torch_device
        data, there = self._read(recording, runtime, device)
        bad_frames = np.zeros(frames, bool) if recording.bad_frames is None else recording.bad_frames.astype(bool)
        if there is not None:
            bad_frames |= (there.float().mean(0) < 1 - MISSING).cpu().numpy()
        good = torch.from_numpy(~bad_frames).to(device)
        mask = there if good.all() else good.expand_as(data) if there is None else there & good
        count = torch.full((pixels,), float(frames), device=device) if mask is None else mask.sum(1)
        total = data.sum(1) if mask is None else (data * mask).sum(1)
        mean = total / count.clamp(min=1)
        data -= mean[:, None]
        if mask is not None:
            data *= mask
        sums = Sums(pixels, device)
        sums.add(data, mask)
        variance = sums.square / sums.count.clamp(min=1)
        dead = (variance <= (1e-6 * mean.abs().clamp(min=1e-30)) ** 2) | (count < MISSING * float(good.sum()))
        if recording.bad_pixels is not None:
            dead |= torch.from_numpy(recording.bad_pixels.ravel()).to(device)
        quantum = 1 / np.sqrt(12) if np.issubdtype(recording.dtype, np.integer) else 0.0
        std = usual(torch.maximum(sums.noise, 1e-3 * variance.sqrt()).clamp(min=quantum).float())
        std = torch.where(dead, torch.ones_like(std), std)
        data /= std[:, None]
        missing = 0 if there is None else int((~there[~dead][:, good]).sum())
        if mask is not None:
            fill(data, mask)
            if bad_frames.any():
                data = interpolate(data, bad_frames)
        alive = np.flatnonzero(~dead.cpu().numpy())
        eye = sparse.csr_array((np.ones(len(alive), np.float32), (alive, np.arange(len(alive)))), shape=(pixels, len(alive)))
        U = SparseMatrix(eye, device)
        return Compressed(
            U=U,
            V=data if len(alive) == pixels else data[~dead],
            mean=mean.float().cpu().numpy().reshape(recording.size),
            std=std.cpu().numpy().reshape(recording.size),
            U_local=U,
            bad_frames=bad_frames,
            bad_pixels=dead.cpu().numpy().reshape(recording.size),
            rank_map=np.ones(recording.size, np.int64),
            missing=missing,
            rate=recording.rate,
            pixel_size=recording.pixel_size,
            name=recording.name,
        )

    @staticmethod
    def _read(recording: Recording, runtime: Runtime, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """(P, T) samples, 0 where they are missing, and the mask of what is there; None if all is."""
        shape = (recording.size[0] * recording.size[1], len(recording))
        data, there = torch.empty(shape, device=device), None
        for piece, raw in runtime.progress(recording.chunks(CHUNK), "read", -(-len(recording) // CHUNK)):
            data[:, piece], found = load_chunk(raw, device)
            if found is not None:
                there = torch.ones(shape, dtype=torch.bool, device=device) if there is None else there
                there[:, piece] = found
        return data, there


def fill(data: Tensor, there: Tensor) -> None:
    """Straight lines over missing samples of (P, T), in place, pixel by pixel."""
    times = np.arange(data.shape[1])
    for pixel in torch.nonzero(~there.all(dim=1) & there.any(dim=1)).ravel().tolist():
        known = there[pixel].cpu().numpy()
        row = np.interp(times, times[known], data[pixel].cpu().numpy()[known])
        data[pixel] = torch.from_numpy(row.astype(np.float32)).to(data.device)
