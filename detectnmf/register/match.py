"""Where a frame agrees best with a template: weighted least squares, found by FFT and refined by an up-sampled DFT.

With a window w that vanishes near the border, noise of a known spectrum and a free gain a, the likelihood of a shift s is that of
sum_x w(x) (f(x) - a T(x - s))². It needs only the correlation of w f with the filtered template R, C(s), and the energy that the window
sees of the template, N(s): the gain is C / N, the log-likelihood C² / 2 N. The template itself is not tapered, so that a shift towards
the border costs nothing and no bias towards 0 arises (which it does where two tapered frames are correlated).

Shifts are (down, right) in px: what the template shows at x is seen at x + s.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

STEPS = (0.5, 0.2, 0.1)  # px, of the up-sampled DFT
RAMP = 8  # px, over which the window falls to 0


@dataclass(frozen=True)
class Matches:
    """Of n frames in Q places each.

    Args:
        shifts: (n, Q, 2) px.
        significance: (n, Q) the match in units of the correlation's root mean square over all shifts; chance reaches 4.
        agreement, before: (n, Q) correlation with the filtered template at the shift, and at 0.
        edge: (n, Q) True where the best match lies at the end of the search.
        precision: (n, Q) 1 / px², the curvature of the log-likelihood, mean of both axes.
    """

    shifts: Tensor
    significance: Tensor
    agreement: Tensor
    before: Tensor
    edge: Tensor
    precision: Tensor


@dataclass(frozen=True)
class Matcher:
    """Template in Q places of h x w px each, ready to be compared.

    Args:
        window: (h, w) how much each pixel counts.
        reference: (Q, h, w // 2 + 1) complex, conjugate spectrum of the filtered template.
        power: (h, w // 2 + 1) of the filter, 1 / variance of the noise's spectrum.
        energy: (Q, 2 reach + 1, 2 reach + 1) N(s).
        full: (Q, 2 reach + 1, 2 reach + 1) N(s) with the window's square: what the windowed template would have by itself.
        reach: px, the largest whole shift that is looked for.
    """

    window: Tensor
    reference: Tensor
    power: Tensor
    energy: Tensor
    full: Tensor
    reach: int

    @classmethod
    def of(cls, templates: Tensor, window: Tensor, power: Tensor, reach: int, weights: Tensor | None = None) -> Matcher:
        """From templates (Q, h, w) without their slow ground.

        Args:
            window: (h, w) that vanishes `reach` px from the border. power: (h, w // 2 + 1) of the filter.
            weights: (Q, h, w) how much each pixel of the template counts; None counts all alike.
        """
        size = templates.shape[-2:]
        filtered = torch.fft.irfft2(torch.fft.rfft2(templates) * power, s=size)
        if weights is not None:
            filtered = filtered * weights
        local = torch.fft.rfft2(templates * filtered).conj()
        seen, full = (_crop(torch.fft.irfft2(torch.fft.rfft2(part) * local, s=size), reach) for part in (window, window.square()))
        floor = 0.05 * seen.amax((-2, -1), keepdim=True).clamp_min(1e-20)
        return cls(window, torch.fft.rfft2(filtered).conj(), power, torch.maximum(seen, floor), torch.maximum(full, floor), reach)

    def __call__(self, frames: Tensor, prior: Tensor | None = None) -> Matches:
        """Match frames (n, Q, h, w).

        Args:
            prior: (n, Q, 2 reach + 1, 2 reach + 1) log-probability of each whole shift; None takes all as equally likely.
        """
        n, places, rows, columns = frames.shape
        window = self.window
        frames = (frames - (frames * window).sum((-2, -1), keepdim=True) / window.sum()) * window
        spectrum = torch.fft.rfft2(frames)
        both = _both_sides(columns, spectrum.device)
        own = _power(spectrum, self.power * both)  # of the frame, in the metric of the filter
        spectrum *= self.reference
        chance = (_power(spectrum, both) / (rows * columns) ** 2).sqrt().clamp_min(1e-20)
        surface = _crop(torch.fft.irfft2(spectrum, s=(rows, columns)), self.reach)
        likely = surface.clamp_min(0).square() / (2 * self.energy)
        if prior is not None:
            likely = likely + prior
        side = 2 * self.reach + 1
        best = likely.flatten(2).argmax(2)
        down, right = best // side, best % side
        flat = best + torch.arange(places, device=best.device) * side * side  # into `energy`
        peak = surface.flatten(2).gather(2, best[..., None])[..., 0]
        gain = (peak / self.energy.flatten()[flat]).clamp(0.05, 20)
        slope = torch.stack([part.flatten()[flat] for part in _slopes(self.energy)], dim=-1)
        start = torch.stack([down, right], dim=-1) - self.reach
        found = _refine(spectrum.flatten(0, 1), start.flatten(0, 1), (0.5 * gain[..., None] * slope).flatten(0, 1), both, (rows, columns))
        middle = self.reach * side + self.reach
        scale = (own / (rows * columns) * self.window.sum() / self.window.square().sum()).clamp_min(1e-20)
        energy = self.energy.flatten(1)
        return Matches(
            shifts=found[:, :2].unflatten(0, (n, places)),
            significance=found[:, 2].unflatten(0, (n, places)) / chance,
            agreement=(peak / (scale * energy.flatten()[flat]).sqrt()).clamp(-1, 1),
            before=(surface[..., self.reach, self.reach] / (scale * energy[:, middle]).sqrt()).clamp(-1, 1),
            edge=(down == 0) | (down == side - 1) | (right == 0) | (right == side - 1),
            precision=(found[:, 3].unflatten(0, (n, places)) * gain).clamp_min(0),
        )


def taper(size: tuple[int, int], margin: int, device: torch.device) -> Tensor:
    """(h, w) 1 inside, 0 in `margin` px along the border, a cosine between."""
    sides = []
    for edge in size:
        place = torch.arange(edge, device=device)
        inside = torch.minimum(place, edge - 1 - place) - margin + 0.5
        ramp = min(RAMP, max(1.0, edge / 2 - margin))
        sides.append(0.5 - 0.5 * torch.cos(torch.pi * (inside / ramp).clamp(0, 1)))
    return sides[0][:, None] * sides[1]


def frequencies(size: tuple[int, int], device: torch.device) -> Tensor:
    """(h, w // 2 + 1) cycles per px, the length of each wave vector."""
    down, right = torch.fft.fftfreq(size[0], device=device), torch.fft.rfftfreq(size[1], device=device)
    return torch.hypot(down[:, None], right[None])


def _both_sides(columns: int, device: torch.device) -> Tensor:
    """How often each column of a half spectrum stands in the whole one."""
    count = torch.full((columns // 2 + 1,), 2.0, device=device)
    count[0] = 1
    if columns % 2 == 0:
        count[-1] = 1
    return count


def _power(spectrum: Tensor, weight: Tensor) -> Tensor:
    """Weighted sum of squares over the last two dimensions."""
    parts = torch.view_as_real(spectrum)
    return torch.einsum("...yxc,...yxc,yx->...", parts, parts, weight.expand(spectrum.shape[-2:]))


def _crop(surface: Tensor, reach: int) -> Tensor:
    """(..., h, w) with shift 0 in the corner -> (..., 2 reach + 1, 2 reach + 1) with shift 0 in the middle."""
    surface = torch.cat([surface[..., -reach:, :], surface[..., : reach + 1, :]], dim=-2) if reach else surface[..., :1, :]
    return torch.cat([surface[..., -reach:], surface[..., : reach + 1]], dim=-1) if reach else surface[..., :1]


def _slopes(surface: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along rows and columns; 0 where there is nothing to differ from."""
    if surface.shape[-1] < 2:
        return torch.zeros_like(surface), torch.zeros_like(surface)
    down, right = torch.gradient(surface, dim=(-2, -1))
    return down, right


def _refine(spectrum: Tensor, start: Tensor, slope: Tensor, both: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, 4): the shift of each maximum near `start` (B, 2), the correlation there, and its mean curvature (negative second derivative).

    Newton's steps on 3 x 3 values of the correlation less `slope` (B, 2), that of the energy, at ever smaller distances.
    """
    rows, columns = size
    ky = torch.fft.fftfreq(rows, device=spectrum.device, dtype=torch.float64)
    kx = torch.fft.rfftfreq(columns, device=spectrum.device, dtype=torch.float64)
    scale = (both / (rows * columns)).to(torch.complex64)
    shift, begin = start.double(), start.double()
    value = curvature = torch.zeros(len(start), device=spectrum.device)
    for step in STEPS:
        offsets = torch.tensor([-step, 0.0, step], dtype=torch.float64, device=spectrum.device)
        waves = (torch.exp(2j * torch.pi * ((shift[:, axis, None] + offsets)[..., None] * k)) for axis, k in ((0, ky), (1, kx)))
        left, right = (wave.to(torch.complex64) for wave in waves)  # double before, since phases are long
        near = ((left @ spectrum) @ (right * scale).mT).real  # (B, 3, 3)
        gy = (near[:, 2, 1] - near[:, 0, 1]) / (2 * step) - slope[:, 0]
        gx = (near[:, 1, 2] - near[:, 1, 0]) / (2 * step) - slope[:, 1]
        yy = (near[:, 2, 1] - 2 * near[:, 1, 1] + near[:, 0, 1]) / step**2
        xx = (near[:, 1, 2] - 2 * near[:, 1, 1] + near[:, 1, 0]) / step**2
        yx = (near[:, 2, 2] - near[:, 2, 0] - near[:, 0, 2] + near[:, 0, 0]) / (4 * step**2)
        det = yy * xx - yx**2
        peaked = (yy < 0) & (xx < 0) & (det > 0)
        newton = torch.stack([-(xx * gy - yx * gx), -(yy * gx - yx * gy)], dim=1) / torch.where(peaked, det, 1.0)[:, None]
        climb = step * torch.sign(torch.stack([gy, gx], dim=1))  # not a maximum here: uphill
        shift = shift + torch.where(peaked[:, None], newton, climb).clamp(-step, step)
        shift = torch.maximum(torch.minimum(shift, begin + 1), begin - 1)
        value, curvature = near[:, 1, 1], -(yy + xx) / 2
    return torch.stack([shift[:, 0], shift[:, 1], value.double(), curvature.double()], dim=1).float()
