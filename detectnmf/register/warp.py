"""Frames put back to where they belong, resampled once: rows first, then columns, by polynomials of the fifth degree through six pixels."""

from __future__ import annotations

from itertools import accumulate
from math import floor, prod
from operator import mul
from typing import Any

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


def taps(part: float | Tensor) -> list[Any]:
    """What each of the six pixels counts for a value `part` (0 … 1) of the way from pixel 0 to 1: Lagrange's polynomials."""
    away = [part - node for node in NODES]
    before, behind = (list(accumulate(parts[:-1], mul)) for parts in (away, away[::-1]))  # products of those on either side
    products = [behind[-1], *(one * other for one, other in zip(before, behind[-2::-1], strict=False)), before[-1]]
    return [product / prod(node - other for other in NODES if other != node) for node, product in zip(NODES, products, strict=True)]


def _slide(image: Tensor, shift: float, dim: int, out: Tensor | None = None) -> Tensor:
    """out(x) = image(x + shift) along `dim`, all of it moved alike; NaN outside."""
    edge = image.shape[dim]
    out = torch.empty_like(image) if out is None else out
    if abs(shift) >= edge:
        return out.fill_(torch.nan)
    below = floor(shift)
    weights = [(below + node, float(tap)) for node, tap in zip(NODES, taps(shift - below), strict=True) if tap]
    first, last = (min(max(0, side), edge) for side in (-weights[0][0], edge - weights[-1][0]))
    if first < last:  # here all that is needed lies inside
        inner = out.narrow(dim, first, last - first)
        for number, (away, tap) in enumerate(weights):
            part = image.narrow(dim, first + away, last - first)
            inner.add_(part, alpha=tap) if number else torch.mul(part, tap, out=inner)
    lines = torch.tensor([*range(first), *range(last, edge)] if first < last else range(edge), device=image.device)
    if len(lines):
        steps, counts = (torch.tensor(values, device=image.device) for values in zip(*weights, strict=True))
        around = image.index_select(dim, (lines[:, None] + steps).clamp(0, edge - 1).flatten()).unflatten(dim, (len(lines), len(steps)))
        out.index_copy_(dim, lines, torch.tensordot(around, counts.to(image), ([dim + 1], [0])))
    lost = max(0, -floor(shift + BEYOND) if shift < 0 else -floor(BEYOND - shift))
    if lost:
        out.narrow(dim, 0 if shift < 0 else edge - lost, lost).fill_(torch.nan)
    return out


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
    edge, border = image.shape[dim], 1 - NODES[0]
    wide = pad(image[None], (border, border, 0, 0) if dim else (0, 0, border, border), mode="replicate")[0]
    places = places.clamp(-BEYOND, edge - 1 + BEYOND)
    below = places.floor()
    index = below.long().add_(border + NODES[0])
    value = torch.zeros_like(places)
    for tap in taps(places.sub_(below)):
        value.addcmul_(wide.gather(dim, index), tap)
        index.add_(1)
    return value
