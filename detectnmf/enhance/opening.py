"""Grey opening with a flat square (sc-CNMF, "Neural enhancing"): what is wider than the square is the background.

Erosion and dilation by a square are a running minimum and maximum along rows, then along columns. A maximum over a window of n is
found from windows of 1, 2, 4, ... (each the maximum of two of half its width), so that it takes about log2 n steps.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def opening(frames: Tensor, edge: int) -> Tensor:
    """(n, h, w) frames -> the largest surface below each that a flat square of `edge` px, odd, fits under everywhere.

    Squares are cut off at the border. The same as the dilation of the erosion (Serra 1982).
    """
    return dilation(-dilation(-frames, edge), edge)


def dilation(frames: Tensor, edge: int) -> Tensor:
    """(n, h, w) -> maximum over the square of `edge` px, odd, around each pixel."""
    for dim in (1, 2):
        frames = _running_maximum(frames.transpose(dim, 2), edge).transpose(dim, 2)
    return frames


def _running_maximum(frames: Tensor, edge: int) -> Tensor:
    """Along the last dimension."""
    reach = edge // 2
    best = functional.pad(frames, (reach, reach), value=-torch.inf)
    width = 1
    while 2 * width <= edge:
        best = torch.maximum(best[..., :-width], best[..., width:])
        width *= 2
    rest = edge - width
    return torch.maximum(best[..., : best.shape[-1] - rest], best[..., rest:])
