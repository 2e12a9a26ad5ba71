"""Frames put back to where they belong, resampled once: rows first, then columns, by polynomials of the fifth degree through six pixels."""

from __future__ import annotations

from math import floor, prod

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

NODES = (-2, -1, 0, 1, 2, 3)  # pixels that a value between pixels 0 and 1 is made of
BEYOND = 0.5  # px, how far outside of the outermost pixels' centres a value is still that of the outermost pixel


def put_back(frames: Tensor, shifts: Tensor) -> Tensor:
    """(n, Y, X) frames of moved tissue -> (n, Y, X) as the tissue lies at rest; NaN where the tissue was outside of the frame.

    Args:
        shifts: (n, gy, gx, 2) px, on the CPU: how far (down, right) the tissue has moved at places spread evenly from edge to edge;
            between them a smooth curve. A frame whose shift is not finite becomes NaN.
    """
    out = torch.empty_like(frames)
    rigid = shifts.shape[1] == shifts.shape[2] == 1
    between = [curve(nodes, edge).to(frames.device) for nodes, edge in zip(shifts.shape[1:3], frames.shape[1:], strict=True)]
    for frame, shift, image in zip(frames, shifts, out, strict=True):  # one at a time: a frame stays in the cache
        if not bool(shift.isfinite().all()):
            image.fill_(torch.nan)
        elif rigid:
            _slide(_slide(frame, float(shift[0, 0, 0]), 0), float(shift[0, 0, 1]), 1, image)
        else:
            down, right = between[0] @ shift.to(frame.device).permute(2, 0, 1) @ between[1].T
            _bend(frame, down, right, image)
    return out


def curve(nodes: int, places: int) -> Tensor:
    """(places, nodes) how much each node counts at places spread evenly from the first to the last: a smooth curve through them."""
    return interpolate(torch.eye(nodes)[None, None], size=(places, nodes), mode="bicubic", align_corners=True)[0, 0]


def taps(part: Tensor) -> list[Tensor]:
    """What each of the six pixels counts for a value `part` (0 … 1) of the way from pixel 0 to 1: Lagrange's polynomials."""
    away = [part - node for node in NODES]
    return [
        prod(away[:at] + away[at + 1 :], start=torch.ones_like(part)) / prod(node - other for other in NODES if other != node)
        for at, node in enumerate(NODES)
    ]


def _slide(image: Tensor, shift: float, dim: int, out: Tensor | None = None) -> Tensor:
    """out(x) = image(x + shift) along `dim`, all of it moved alike; NaN outside."""
    edge = image.shape[dim]
    out = torch.empty_like(image) if out is None else out
    if abs(shift) >= edge:
        return out.fill_(torch.nan)
    below = floor(shift)
    before, behind = max(0, -(below + NODES[0])), max(0, below + NODES[-1])
    border = (0, 0, before, behind) if dim == 0 else (before, behind, 0, 0)
    wide = pad(image[None], border, mode="replicate")[0] if before < edge and behind < edge else _stretch(image, before, behind, dim)
    part = torch.tensor(shift - below, dtype=torch.float64)
    if float(part) == 0:
        out.copy_(wide.narrow(dim, before + below, edge))
    else:
        first, *others = [(node, float(tap)) for node, tap in zip(NODES, taps(part), strict=True)]
        torch.mul(wide.narrow(dim, before + below + first[0], edge), first[1], out=out)
        for node, tap in others:
            out.add_(wide.narrow(dim, before + below + node, edge), alpha=tap)
    lost = max(0, -floor(shift + BEYOND) if shift < 0 else -floor(BEYOND - shift))
    if lost:
        out.narrow(dim, 0 if shift < 0 else edge - lost, lost).fill_(torch.nan)
    return out


def _stretch(image: Tensor, before: int, behind: int, dim: int) -> Tensor:
    """The image with its first and last line repeated, however often."""
    index = torch.arange(-before, image.shape[dim] + behind, device=image.device).clamp(0, image.shape[dim] - 1)
    return image.index_select(dim, index)


def _bend(image: Tensor, down: Tensor, right: Tensor, out: Tensor) -> None:
    """out(y, x) = image((y, x) + (down, right)(y, x)); NaN outside."""
    rows, columns = image.shape
    y, x = (torch.arange(edge, device=image.device, dtype=image.dtype) for edge in (rows, columns))
    # rows are resampled at columns that are still to be moved: the shift there is that of where they will lie
    ahead = torch.gradient(down, dim=1)[0] if columns > 1 else torch.zeros_like(down)
    moved = _resample(image, y[:, None] + down - right * ahead, 0)
    out.copy_(_resample(moved, x + right, 1))
    at_y, at_x = y[:, None] + down, x + right
    out[(at_y < -BEYOND) | (at_y > rows - 1 + BEYOND) | (at_x < -BEYOND) | (at_x > columns - 1 + BEYOND)] = torch.nan


def _resample(image: Tensor, places: Tensor, dim: int) -> Tensor:
    """Values between pixels, at `places` (Y, X) along `dim`; beyond the border those of the border."""
    edge = image.shape[dim]
    places = places.clamp(-BEYOND, edge - 1 + BEYOND)
    below = places.floor()
    index = below.long()
    value = torch.zeros_like(places)
    for node, tap in zip(NODES, taps(places - below), strict=True):
        value.addcmul_(image.gather(dim, (index + node).clamp(0, edge - 1)), tap)
    return value
