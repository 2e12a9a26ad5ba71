"""Moving images by parts of a pixel."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

NODES = (-2, -1, 0, 1, 2, 3)  # pixels that a value between pixels 0 and 1 is made of
STRIP = 16384  # pixels that are bent at once, so that they and their weights stay in the cache


def displace(fields: Tensor, shifts: Tensor, border: int) -> Tensor:
    """(n, Y, X) frames out of (n, Y + 2 border, X + 2 border) fields whose contents have moved.

    What lies at (y, x) of the frame at rest is seen at (y, x) + shift. Rows are resampled first, then columns, by polynomials of
    the fifth degree through six pixels.

    Args:
        fields: light.
        shifts: (n, gy, gx, 2) px, down and right, at places spread evenly from edge to edge of the frame; at most border - 3.
        border: px.
    """
    size = fields.shape[1] - 2 * border, fields.shape[2] - 2 * border
    out = fields.new_empty(len(fields), *size)
    rigid = shifts.shape[1] == shifts.shape[2] == 1
    for field, shift, frame in zip(fields, shifts, out, strict=True):  # one at a time: a frame stays in the cache
        frame.copy_(_slide(field, shift[0, 0], border) if rigid else _bend(field, shift, border))
    return out


def weights(part: Tensor) -> list[Tensor]:
    """What each of the six pixels counts for a value `part` (0 … 1) of the way from pixel 0 to 1: Lagrange's polynomials."""
    away = [part - node for node in NODES]
    return [
        prod((away[k] for k in range(6) if k != tap), start=torch.ones_like(part)) / prod(node - other for other in NODES if other != node)
        for tap, node in enumerate(NODES)
    ]


def _slide(field: Tensor, shift: Tensor, border: int) -> Tensor:
    """The frame, all of it moved by `shift` (2,)."""
    for dim in (0, 1):
        below = torch.floor(-shift[dim])
        first, length = border + int(below), field.shape[dim] - 2 * border
        taps = weights(-shift[dim] - below)
        field = torch.stack([field.narrow(dim, first + node, length) * tap for node, tap in zip(NODES, taps, strict=True)]).sum(0)
    return field


def _bend(field: Tensor, shift: Tensor, border: int) -> Tensor:
    """The frame, each place moved by its own shift, interpolated between (gy, gx, 2)."""
    size = field.shape[0] - 2 * border, field.shape[1] - 2 * border
    down, right = interpolate(shift.permute(2, 0, 1)[None], size=size, mode="bicubic", align_corners=True)[0]
    down, right = (part.clamp(-(border - 3), border - 3) for part in (down, right))  # curves may overshoot their nodes
    down = pad(down[None], (border, border), mode="replicate")[0]  # columns of the border move, too
    rows = torch.arange(size[0], device=field.device)[:, None] + border - down
    columns = torch.arange(size[1], device=field.device) + border - right
    return _resample(_resample(field, rows, 0), columns, 1)


def _resample(image: Tensor, places: Tensor, dim: int) -> Tensor:
    """Values at `places` along `dim`; the other axis stays."""
    out = torch.empty_like(places)
    rows = max(1, STRIP // places.shape[1])
    for start in range(0, len(places), rows):
        strip = slice(start, start + rows)
        below = places[strip].floor()
        first = below.long()
        source = image if dim == 0 else image[strip]
        value = torch.zeros_like(below)
        for node, tap in zip(NODES, weights(places[strip] - below), strict=True):
            value.addcmul_(torch.gather(source, dim, first + node), tap)
        out[strip] = value
    return out
