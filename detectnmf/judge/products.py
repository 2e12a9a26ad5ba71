"""Products over time of a few rows with each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

FRAMES = 4096  # multiplied at a time in float32; their products are added up in float64


def products(rows: Callable[[slice], Tensor], means: Tensor, frames: int) -> np.ndarray:
    """(n, n) float64 products over time of centred rows.

    Args:
        rows: gives the (n, few) rows of a piece of time. means: (n,) of each row over all frames.
    """
    total = torch.zeros((len(means), len(means)), dtype=torch.float64, device=means.device)
    for start in range(0, frames, FRAMES):
        piece = rows(slice(start, min(start + FRAMES, frames))) - means[:, None]
        total += (piece @ piece.T).double()
    return total.cpu().numpy()
