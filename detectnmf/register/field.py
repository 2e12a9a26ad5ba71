"""`Field`: a smooth field of shifts from pieces of the frame (NoRMCorre, "Piecewise-rigid motion").

Pieces that overlap by half are matched within a few px of where the whole frame was found. Their deviations from it are noisy, the more
so the less a piece shows; a Gaussian process, whose strength and reach are those under which the deviations of some frames are likeliest,
gives the smooth field that is most probable. That is one small matrix, the same for all frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from detectnmf.register.fit import Fit
from detectnmf.register.match import Matcher, taper
from detectnmf.register.template import Template, matched, noise_spectrum

LENGTHS = (0.75, 1.0, 1.5, 2.0, 3.0, 5.0)  # of the field (edges of a piece) that are tried
MOST = 24  # nodes along a side
FILLING = 3  # times that pieces which were not found are filled in from the others
NOISIER = 1.5  # than the curvature of the likelihood says: cells come and go


@dataclass(frozen=True)
class Pieces:
    """Where pieces lie.

    Args:
        rows, columns: first px of each row and column of pieces. edge: (h, w) px of a piece. size: (Y, X).
    """

    rows: Tensor
    columns: Tensor
    edge: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def cover(cls, size: tuple[int, int], edge: int, device: torch.device) -> Pieces:
        """Evenly spread, overlapping by half or more; in a field smaller than a piece one takes all of a side."""
        inner = (min(edge, size[0]), min(edge, size[1]))
        starts = []
        for side, piece in zip(size, inner, strict=True):
            count = 1 + -(-2 * (side - piece) // piece)
            starts.append(torch.linspace(0, side - piece, count, device=device).round().long())
        return cls(starts[0], starts[1], inner, size)

    def cut(self, frames: Tensor, whole: Tensor) -> Tensor:
        """(n, Q, h, w) of frames (n, Y, X), each moved back by `whole` (n, 2) px first; beyond the border its last pixel is repeated."""
        h, w = self.edge
        rows, columns = (
            ((first[:, None] + torch.arange(edge, device=first.device))[None] + by[:, None, None]).clamp(0, side - 1)
            for first, edge, by, side in zip((self.rows, self.columns), self.edge, whole.long().T, self.size, strict=True)
        )
        frame = torch.arange(len(frames), device=frames.device)
        return frames[frame[:, None, None, None, None], rows[:, :, None, :, None], columns[:, None, :, None, :]].reshape(
            len(frames), -1, h, w
        )

    @property
    def centres(self) -> Tensor:
        """(Q, 2) px."""
        down, right = self.rows + (self.edge[0] - 1) / 2, self.columns + (self.edge[1] - 1) / 2
        return torch.stack(torch.meshgrid(down, right, indexing="ij"), dim=-1).reshape(-1, 2)

    @property
    def nodes(self) -> tuple[int, int]:
        """As many places from edge to edge as there are half pieces, and not more than MOST."""
        return tuple(1 if edge == side else min(MOST, 1 + round(2 * side / edge)) for edge, side in zip(self.edge, self.size, strict=True))  # type: ignore[return-value]

    @property
    def places(self) -> Tensor:
        """(gy gx, 2) px of the nodes."""
        device = self.rows.device
        spread = [
            torch.linspace(0, side - 1, count, device=device) if count > 1 else torch.tensor([(side - 1) / 2], device=device)
            for side, count in zip(self.size, self.nodes, strict=True)
        ]
        return torch.stack(torch.meshgrid(*spread, indexing="ij"), dim=-1).reshape(-1, 2)


@dataclass(frozen=True)
class Field:
    """What pieces are compared with, and how their shifts become a field.

    Args:
        pieces: where they lie. matcher: of the pieces.
        to_nodes: (gy gx, Q), to_pieces: (Q, Q): deviations as they were measured -> the most probable ones.
        least: significance from which a piece counts as found.
        rms: px, length of the deviations in some frames, as far as neighbouring pieces agree on them.
        fit: what all pixels say of the field; None asks the pieces alone.
    """

    pieces: Pieces
    matcher: Matcher
    to_nodes: Tensor
    to_pieces: Tensor
    least: float
    rms: float
    fit: Fit | None = None

    @property
    def nodes(self) -> tuple[int, int]:
        return self.pieces.nodes

    @classmethod
    def learn(cls, template: Template, edge: int, reach: int, least: float) -> Field:
        """From a template and the frames of its last round."""
        rough, frames, shifts = cls.rough(template, edge, reach, least), template.sample[template.good], template.shifts[template.good]
        free = template.ground.free(frames)
        nodes = torch.cat([rough(*part) for part in zip(free.split(16), shifts.split(16), strict=True)])
        return replace(rough, fit=Fit.learn(template, edge, free, shifts, nodes))

    @classmethod
    def rough(cls, template: Template, edge: int, reach: int, least: float) -> Field:
        """By pieces alone."""
        image, device = template.image, template.image.device
        pieces = Pieces.cover((image.shape[0], image.shape[1]), edge, device)
        window = taper(pieces.edge, min(reach + 1, min(pieces.edge) // 6), device)
        own = pieces.cut(template.ground.free(image[None]), torch.zeros(1, 2, device=device))[0]
        frames, shifts = template.sample[template.good], template.shifts[template.good]
        rest = pieces.cut(template.ground.free(frames[:64] - image), torch.zeros(min(64, len(frames)), 2, device=device))
        noise = noise_spectrum(rest.flatten(0, 1), window)
        power = torch.stack([matched(piece, window, noise, template.frames) for piece in own]).mean(0)
        matcher = Matcher.of(own, window, power, reach)
        eye = torch.eye(len(own), device=device)
        raw = cls(pieces, matcher, torch.zeros(len(pieces.places), len(own), device=device), eye, least, 0.0)
        parts = [raw.measure(template.ground.free(part), by) for part, by in zip(frames.split(16), shifts.split(16), strict=True)]
        deviations, found, precision = (torch.cat([part[at] for part in parts]) for at in range(3))
        noise_level = NOISIER / (precision * found).sum(0).div(found.sum(0).clamp_min(1)).clamp_min(1e-3)
        deviations = deviations - torch.where(found[..., None], deviations, torch.nan).nanmedian(dim=0).values.nan_to_num()
        return cls(pieces, matcher, *_smoother(pieces, deviations, found, noise_level, edge), least, _agreed(pieces, deviations, found))

    def __call__(self, free: Tensor, shifts: Tensor) -> Tensor:
        """(n, gy, gx, 2) px of frames (n, Y, X) without ground that are known to have moved by `shifts` (n, 2) as a whole."""
        deviations, found, _ = self.measure(free, shifts)
        filled = torch.where(found[..., None], deviations, 0.0)
        for _ in range(FILLING):
            filled = torch.where(found[..., None], deviations, self.to_pieces @ filled)
        nodes = (shifts[:, None] + self.to_nodes @ filled).unflatten(1, self.nodes)
        return nodes if self.fit is None else self.fit(free, shifts, nodes)

    def measure(self, free: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each piece: deviation (n, Q, 2) px from the whole, whether it was found (n, Q), precision (n, Q) 1 / px²."""
        whole = shifts.round()
        rest = (shifts - whole)[:, None]
        reach = self.matcher.reach
        steps = torch.arange(-reach, reach + 1, device=free.device)
        away = [(steps - rest[..., axis, None]).square() for axis in (0, 1)]
        prior = -(away[0][..., :, None] + away[1][..., None, :]) * (2 / max(reach, 1) ** 2)  # standard deviation: half the reach
        match = self.matcher(self.pieces.cut(free, whole), prior)
        found = (match.significance >= self.least) & ~match.edge
        return match.shifts - rest, found, match.precision


def _smoother(pieces: Pieces, deviations: Tensor, found: Tensor, noise: Tensor, edge: int) -> tuple[Tensor, Tensor]:
    """(gy gx, Q) and (Q, Q) of the Gaussian process of the likeliest length and strength."""
    measured = torch.where(found[..., None], deviations, 0.0).permute(0, 2, 1).flatten(0, 1).double()  # (n 2, Q)
    noise, centres, places = noise.double(), pieces.centres.double(), pieces.places.double()
    far = torch.cdist(centres, centres)
    strength = float((measured.square().mean(0) - noise).clamp_min(0).median().clamp_min(0.02**2))
    best: tuple[float, float, Tensor] | None = None
    for length in LENGTHS:
        for factor in (0.5, 1.0, 2.0):
            kernel = factor * strength * torch.exp(-0.5 * (far / (length * edge)) ** 2)
            root = torch.linalg.cholesky(kernel + noise.diag())
            white = torch.linalg.solve_triangular(root, measured.T, upper=False)
            score = float(-0.5 * white.square().sum() - len(measured) * root.diagonal().log().sum())
            if best is None or score > best[0]:
                best = score, length, torch.cholesky_inverse(root) * (factor * strength)
    assert best is not None
    return tuple(  # type: ignore[return-value]
        (torch.exp(-0.5 * (torch.cdist(at, centres) / (best[1] * edge)) ** 2) @ best[2]).float() for at in (places, centres)
    )


def _agreed(pieces: Pieces, deviations: Tensor, found: Tensor) -> float:
    """px, root mean square length of the deviations, as far as pieces that share no pixel vary together, or against each other.

    Over the frames, deviations that are noise, or cells that flicker, have a covariance of 0 give or take its standard error.
    """
    down, right = len(pieces.rows), len(pieces.columns)
    grid = torch.where(found[..., None], deviations, 0.0).unflatten(1, (down, right))
    squares, count = 0.0, 0
    for dim, side in ((1, down), (2, right)):
        if side > 2 and len(grid) > 1:
            products = grid.narrow(dim, 0, side - 2) * grid.narrow(dim, 2, side - 2)
            squares += float((products.mean(0).square() - products.var(0) / len(products)).sum())
            count += products[0].numel()
    return 2**0.5 * max(squares / max(count, 1), 0.0) ** 0.25
