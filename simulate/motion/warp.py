"""Moving images by parts of a pixel."""

from __future__ import annotations

from math import floor, prod

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

NODES = (-2, -1, 0, 1, 2, 3)  # pixels that a value between pixels 0 and 1 is made of
STRIP = 131072  # pixels that are bent at once: few enough for the cache, enough for threads not to wait for the interpreter


def displace(fields: Tensor, shifts: Tensor, border: int) -> Tensor:
    """(n, Y, X) frames out of (n, Y + 2 border, X + 2 border) fields whose contents have moved.

    What lies at (y, x) of the frame at rest is seen at (y, x) + shift. Rows are resampled first, then columns, by polynomials of
    the fifth degree through six pixels.

    Args:
        fields: light.
        shifts: (n, gy, gx, 2) px, down and right, at places spread evenly from edge to edge of the frame; at most border - 3. They stay
            on the CPU.
        border: px.
    """
    out = fields.new_empty(len(fields), fields.shape[1] - 2 * border, fields.shape[2] - 2 * border)
    rigid = shifts.shape[1] == shifts.shape[2] == 1
    between = [curve(nodes, edge).to(fields.device) for nodes, edge in zip(shifts.shape[1:3], out.shape[1:], strict=True)]
    for field, shift, frame in zip(fields, shifts, out, strict=True):  # one at a time: a frame stays in the cache
        if rigid:
            _slide(_slide(field, float(shift[0, 0, 0]), border, 0), float(shift[0, 0, 1]), border, 1, frame)
        else:
            down, right = between[0] @ shift.to(field.device).permute(2, 0, 1) @ between[1].T
            _bend(field, down, right, border, frame)
    return out


def curve(nodes: int, places: int) -> Tensor:
    """(places, nodes) how much each node counts at places spread evenly from the first to the last: a smooth curve through them."""
    return interpolate(torch.eye(nodes)[None, None], size=(places, nodes), mode="bicubic", align_corners=True)[0, 0]


def weights(part: Tensor) -> list[Tensor]:
    """What each of the six pixels counts for a value `part` (0 … 1) of the way from pixel 0 to 1: Lagrange's polynomials."""
    away = [part - node for node in NODES]
    before, after = [away[0]], [away[-1]]  # products from either end
    for ahead, behind in zip(away[1:-1], away[-2:0:-1], strict=True):
        before.append(before[-1] * ahead)
        after.append(after[-1] * behind)
    scales = [1 / prod(node - other for other in NODES if other != node) for node in NODES]
    inner = [left * right for left, right in zip(before[:-1], after[-2::-1], strict=True)]
    return [tap * scale for tap, scale in zip([after[-1], *inner, before[-1]], scales, strict=True)]


def _slide(field: Tensor, shift: float, border: int, dim: int, out: Tensor | None = None) -> Tensor:
    """The field without its border along `dim`, all of it moved by `shift`."""
    below = floor(-shift)
    first, length = border + below, field.shape[dim] - 2 * border
    taps = [float(tap) for tap in weights(torch.tensor(-shift - below, dtype=torch.float64))]
    out = torch.mul(field.narrow(dim, first + NODES[0], length), taps[0], out=out)
    for node, tap in zip(NODES[1:], taps[1:], strict=True):
        out.add_(field.narrow(dim, first + node, length), alpha=tap)
    return out


def _bend(field: Tensor, down: Tensor, right: Tensor, border: int, out: Tensor) -> None:
    """The frame, each place moved by its own shift (Y, X)."""
    down, right = (part.clamp(-(border - 3), border - 3) for part in (down, right))  # curves may overshoot their nodes
    down = pad(down[None], (border, border), mode="replicate")[0]  # columns of the border move, too
    rows, columns = (torch.arange(edge, device=field.device) for edge in out.shape)
    across = torch.arange(field.shape[1], device=field.device)
    moved = torch.empty_like(down)
    _resample(field, rows[:, None] + border - down, field.shape[1], across, moved)
    _resample(moved, columns + border - right, 1, rows[:, None] * field.shape[1], out)


def _resample(image: Tensor, places: Tensor, stride: int, offset: Tensor, out: Tensor) -> None:
    """Values between pixels: those around `places` along one axis, whose pixels lie `stride` apart; `offset`: to the others' axis."""
    flat = image.reshape(-1)
    offset = offset.expand(places.shape)
    rows = max(1, STRIP // places.shape[1])
    for start in range(0, len(places), rows):
        strip = slice(start, start + rows)
        below = places[strip].floor()
        index = (below.long() * stride).add_(offset[strip]).reshape(-1)
        value = torch.zeros_like(below)
        for node, tap in zip(NODES, weights(places[strip] - below), strict=True):
            value.addcmul_(flat.index_select(0, index + node * stride).view_as(value), tap)
        out[strip] = value
