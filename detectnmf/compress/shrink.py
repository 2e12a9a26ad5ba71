"""Images without their noise: a local cosine transform, a threshold, and back (Yu & Sapiro 2011, "DCT image denoising").

What a footprint looks like is known only up to noise, which is as large at every pixel, whereas footprints are smooth: most of
their local cosine coefficients are far below the noise and are better set to zero. Windows overlap and are averaged, weighted by
how few coefficients each kept, so that no grid is seen. The transform is separable: all windows of an image are F_y I F_xᵀ.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import hardshrink

WINDOW, STEP = 8, 2  # px
GROUP = 32  # images handled at once on a CPU: they stay in the cache


def shrink(images: Tensor, threshold: float) -> Tensor:
    """(M, h, w) images with noise of variance 1 -> the same without what is below `threshold` (units of noise); 0 takes nothing away.

    The second of two rounds weights each coefficient by c² / (c² + 1), with c from the first (as Dabov 2007, "BM3D").
    """
    if not images.numel() or threshold <= 0:
        return images
    rows, columns = (_windows(edge).to(images.device) for edge in images.shape[-2:])
    step = GROUP if images.device.type == "cpu" else len(images)
    parts = [_two_rounds(part, rows, columns, threshold) for part in images.split(step)]
    return torch.cat(parts)


def _two_rounds(images: Tensor, rows: Tensor, columns: Tensor, threshold: float) -> Tensor:
    """Rows and columns: (windows, n, edge) cosine transform of each window."""
    F_y, F_x = rows.flatten(0, 1), columns.flatten(0, 1)
    shape = (rows.shape[0], rows.shape[1], columns.shape[0], columns.shape[1])
    cover_y, cover_x = ((part.abs().sum(1) > 0).float() for part in (rows, columns))  # (windows, edge) pixels of each window

    def back(kept: Tensor, passed: Tensor) -> Tensor:
        """Windows put back, each weighted by the inverse of the noise that it let pass."""
        weight = 1 / passed.clamp(min=1)
        kept = (kept * weight[:, :, None, :, None]).reshape(-1, len(F_y), len(F_x))
        return (F_y.T @ kept @ F_x) / (cover_y.T @ weight @ cover_x)

    coefficients = (F_y @ images @ F_x.T).unflatten(2, shape[2:]).unflatten(1, shape[:2])
    kept = hardshrink(coefficients, threshold)
    kept[:, :, 0, :, 0] = coefficients[:, :, 0, :, 0]  # the mean of a window is not noise alone
    pilot = back(kept, torch.count_nonzero(kept, dim=(2, 4)).float())
    gain = (F_y @ pilot @ F_x.T).square_().reshape(coefficients.shape)
    gain.div_(gain + 1)
    return back(coefficients * gain, gain.square().sum((2, 4)))


def _windows(edge: int) -> Tensor:
    """(windows, n, edge) orthonormal cosines of each window of n pixels, the constant one first."""
    n = min(WINDOW, edge)
    k, x = np.mgrid[:n, :n]
    waves = np.sqrt(2 / n) * np.cos(np.pi * k * (x + 0.5) / n)
    waves[0] /= np.sqrt(2)
    starts = np.unique(np.append(np.arange(0, edge - n, STEP), edge - n))
    out = np.zeros((len(starts), n, edge), np.float32)
    for window, start in zip(out, starts, strict=True):
        window[:, start : start + n] = waves
    return torch.from_numpy(out)
