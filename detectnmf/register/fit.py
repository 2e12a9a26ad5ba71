"""`Fit`: a field by least squares over all pixels at once: a step of Gauss and Newton (inverse compositional, Baker and Matthews 2004).

A piece takes all of itself to be shifted alike, and tapers what lies near its border. Here a frame that was put back by its pieces is
compared with the template pixel by pixel: what is left is the slope of the template times what is left of the field. Both are whitened by
the filter of the whole frame, and pixels where frames differ much from the template (cells that come and go) count less. The field that is
most probable, given the strength and reach under which the sample is likeliest, is again one small matrix for all frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from detectnmf.register.match import taper
from detectnmf.register.template import Template
from detectnmf.register.warp import curve, put_back

LENGTHS = (0.6, 0.9, 1.25, 1.75, 2.5, 3.5, 5.0)  # of the field (edges of a piece) that are tried
STRENGTHS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0)  # px
NOISES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0)  # times the variance of a pixel: neighbours are not independent
LEAST = 0.3  # of the median variance, that of any pixel
ALONE = 1e-4  # share of the variance of a node that is its own


@dataclass(frozen=True)
class Fit:
    """What pixels are compared with, and how their differences become a field.

    Args:
        template: (Y, X) without ground. window: (Y, X) how much each pixel counts. whitening: (Y, X // 2 + 1).
        slopes: (2, Y, X) of the whitened template, down and right, over the variance of each pixel.
        rows: (Y, gy), columns: (X, gx): how much each node counts at each pixel.
        kept: (2 gy gx, 2 gy gx) deviations so far, and drawn: those that pixels ask for -> the most probable ones.
    """

    template: Tensor
    window: Tensor
    whitening: Tensor
    slopes: Tensor
    rows: Tensor
    columns: Tensor
    kept: Tensor
    drawn: Tensor

    @classmethod
    def learn(cls, template: Template, edge: int, frames: Tensor, shifts: Tensor, nodes: Tensor) -> Fit:
        """From frames (n, Y, X) without ground, shifts (n, 2) of the whole, and fields (n, gy, gx, 2) by their pieces of `edge` px."""
        free, whitening = template.ground.free(template.image[None])[0], template.filter.sqrt()
        size, device = (free.shape[0], free.shape[1]), free.device
        spectrum = torch.fft.rfft2(free) * whitening
        waves = torch.fft.fftfreq(size[0], device=device)[:, None], torch.fft.rfftfreq(size[1], device=device)
        slopes = torch.stack([torch.fft.irfft2(spectrum * (2j * torch.pi * wave), s=size) for wave in waves])
        rows, columns = (curve(count, side).to(device) for count, side in zip(nodes.shape[1:3], size, strict=True))
        nothing = torch.zeros(0, device=device)
        raw = cls(free, taper(size, 0, device), whitening, slopes, rows, columns, nothing, nothing)
        rest = torch.cat([raw.rest(*part) for part in zip(frames.split(16), nodes.split(16), strict=True)])
        variance = rest.square().mean(0)
        weight = raw.window.square() / variance.clamp_min(LEAST * float(variance.median())).clamp_min(1e-20)
        weighed = replace(raw, slopes=slopes * weight)
        normal = weighed.normal(slopes)
        deviations = (nodes - shifts[:, None, None]).flatten(1).double()
        asked = torch.cat([weighed.pull(part) for part in rest.split(16)]).double() + deviations @ normal
        kernel, noise = _prior(asked - asked.mean(0), normal, nodes.shape[1:3], size, edge)
        drawn = torch.linalg.solve(noise * torch.eye(len(normal)).to(kernel) + kernel @ normal, kernel)
        return replace(weighed, kept=(drawn @ normal).T.float(), drawn=drawn.T.float())

    def __call__(self, free: Tensor, shifts: Tensor, nodes: Tensor) -> Tensor:
        """(n, gy, gx, 2) px of frames (n, Y, X) without ground, nearer to the truth than `nodes`, (n, 2) `shifts` of the whole known."""
        deviations = (nodes - shifts[:, None, None]).flatten(1)
        found = deviations @ self.kept + self.pull(self.rest(free, nodes)) @ self.drawn
        return shifts[:, None, None] + found.view_as(nodes)

    def rest(self, free: Tensor, nodes: Tensor) -> Tensor:
        """(n, Y, X) whitened difference of frames, put back and as bright as the template, from it; 0 where the tissue was outside."""
        back = put_back(free, nodes.cpu())
        seen = torch.where(back.isfinite(), self.window, 0)
        back, weighed = torch.where(back.isfinite(), back, 0), self.template * seen
        share = (back * weighed).sum((1, 2), keepdim=True) / (self.template * weighed).sum((1, 2), keepdim=True).clamp_min(1e-20)
        rest = (back / share.clamp(0.05, 20) - self.template) * seen
        return torch.fft.irfft2(torch.fft.rfft2(rest) * self.whitening, s=self.template.shape) * (seen > 0)

    def pull(self, rest: Tensor) -> Tensor:
        """(n, 2 gy gx) what whitened differences (n, Y, X) ask of each node."""
        return torch.stack([-(self.rows.T @ (rest * slope) @ self.columns) for slope in self.slopes], dim=-1).flatten(1)

    def normal(self, slopes: Tensor) -> Tensor:
        """(2 gy gx, 2 gy gx) float64: what a field of 1 px at each node asks of the others, without weights `slopes` (2, Y, X)."""
        down, right = self.rows.shape[1], self.columns.shape[1]
        pairs = [(part[:, :, None] * part[:, None]).flatten(1) for part in (self.rows, self.columns)]
        whole = torch.stack([torch.stack([pairs[0].T @ (one * other) @ pairs[1] for other in slopes], -1) for one in self.slopes], -2)
        return whole.view(down, down, right, right, 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(2 * down * right, -1).double()


def _prior(asked: Tensor, normal: Tensor, nodes: tuple[int, ...], size: tuple[int, int], edge: int) -> tuple[Tensor, float]:
    """Covariance (2 gy gx, 2 gy gx) px² of the Gaussian process, and the noise, under which what frames ask (n, 2 gy gx) is likeliest."""
    values, turn = torch.linalg.eigh(normal)
    some = values > 1e-6 * values.max()
    root = turn[:, some] * values[some].sqrt()
    white = asked @ (turn[:, some] / values[some].sqrt())
    places = [torch.linspace(0, side - 1, count).to(normal) for side, count in zip(size, nodes, strict=True)]
    far = torch.cdist(*2 * (torch.cartesian_prod(*places),))
    both = torch.eye(2).to(normal)
    best: tuple[float, Tensor, float] | None = None
    for length in LENGTHS:
        shape = torch.exp(-0.5 * (far / (length * edge)) ** 2) + ALONE * torch.eye(len(far)).to(far)
        kernel = torch.kron(shape, both)
        own, axes = torch.linalg.eigh(root.T @ kernel @ root)
        power = (white @ axes).square().mean(0)
        for strength in STRENGTHS:
            for noise in NOISES:
                expected = own.clamp_min(0) * strength**2 + noise
                score = -float((power / expected + expected.log()).sum())
                if best is None or score > best[0]:
                    best = score, kernel * strength**2, noise
    assert best is not None
    return best[1], best[2]
