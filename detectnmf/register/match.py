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

STEPS = 3  # of the up-sampled DFT, in a px
NEWTON = 4  # Newton's steps to the maximum of the polynomial through it
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
        squares: (Q, 2 h (w // 2 + 1), 2) what the squares of a frame's spectrum, real and imaginary parts, count for its power after the
            filter, and for that of its correlation with the template.
        energy: (Q, 2 reach + 1, 2 reach + 1) N(s).
        reach: px, the largest whole shift that is looked for.
        waves: (2 reach + 1, h) and (2 reach + 1, w // 2 + 1), from a spectrum to all whole shifts along each axis.
    """

    window: Tensor
    reference: Tensor
    squares: Tensor
    energy: Tensor
    reach: int
    waves: tuple[Tensor, Tensor]

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
        waves = _waves(torch.arange(-reach, reach + 1, device=power.device), (size[0], size[1]))
        local = torch.fft.rfft2(templates * filtered).conj()
        energy = _at(torch.fft.rfft2(window) * local, *waves)
        reference, both = torch.fft.rfft2(filtered).conj().resolve_conj(), _both_sides(size[1], power.device)
        squares = torch.stack([(power * both).expand(reference.shape), torch.view_as_real(reference).square().sum(-1) * both], dim=-1)
        squares = squares.flatten(1, 2).repeat_interleave(2, dim=1) / (size[0] * size[1])
        floor = 0.05 * energy.amax((-2, -1), keepdim=True).clamp_min(1e-20)
        return cls(window, reference, squares, torch.maximum(energy, floor), reach, waves)

    def __call__(self, frames: Tensor, prior: Tensor | None = None) -> Matches:
        """Match frames (n, Q, h, w).

        Args:
            prior: (n, Q, 2 reach + 1, 2 reach + 1) log-probability of each whole shift; None takes all as equally likely.
        """
        n, places, rows, columns = frames.shape
        window = self.window
        level = (frames.flatten(2) @ window.flatten() / window.sum())[..., None, None]
        spectrum = torch.fft.rfft2((frames - level).mul_(window))
        squares = torch.view_as_real(spectrum).flatten(2).square().transpose(0, 1)
        own, chance = (squares @ self.squares).transpose(0, 1).unbind(-1)  # of the frame in the metric of the filter, of the correlation
        chance = (chance / (rows * columns)).sqrt().clamp_min(1e-20)
        spectrum *= self.reference
        surface = _at(spectrum, *self.waves)
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
        found = self._refine(spectrum.flatten(0, 1), down.flatten(), right.flatten(), (0.5 * gain[..., None] * slope).flatten(0, 1))
        middle = self.reach * side + self.reach
        scale = (own * self.window.sum() / self.window.square().sum()).clamp_min(1e-20)
        energy = self.energy.flatten(1)
        return Matches(
            shifts=found[:, :2].unflatten(0, (n, places)),
            significance=found[:, 2].unflatten(0, (n, places)) / chance,
            agreement=(peak / (scale * energy.flatten()[flat]).sqrt()).clamp(-1, 1),
            before=(surface[..., self.reach, self.reach] / (scale * energy[:, middle]).sqrt()).clamp(-1, 1),
            edge=(down == 0) | (down == side - 1) | (right == 0) | (right == side - 1),
            precision=(found[:, 3].unflatten(0, (n, places)) * gain).clamp_min(0),
        )

    def _refine(self, spectrum: Tensor, down: Tensor, right: Tensor, slope: Tensor) -> Tensor:
        """(B, 4): the shift of each maximum near a whole one, the correlation there, and its mean curvature (negative second derivative).

        The maximum is that of the polynomial through the correlation at places up to 1 px away, less `slope` (B, 2), that of the energy.

        Args:
            spectrum: (B, h, w // 2 + 1). down, right: (B,) whole shifts, as places in `waves`.
        """
        device = spectrum.device
        offsets = torch.arange(-STEPS, STEPS + 1, device=device, dtype=torch.float64) / STEPS
        rows, columns = spectrum.shape[1], self.window.shape[1]
        fine = _waves(offsets, (rows, columns))
        left, side = self.waves[0][down, None] * fine[0], self.waves[1][right, None] * (fine[1] / fine[1][STEPS])
        order = torch.arange(len(offsets), device=device)
        turn = torch.linalg.inv(offsets[:, None] ** order)
        terms = turn @ _at(spectrum, left, side).double() @ turn.T  # of the polynomial
        derive = torch.diag(order[1:].double(), 1)  # of powers: d/dx x^n = n x^(n - 1)
        each = torch.stack([torch.eye(len(order)).to(derive), derive, derive @ derive])
        shift = torch.zeros(len(spectrum), 2, dtype=torch.float64, device=device)
        for step in range(NEWTON + 1):
            powers = (shift[..., None] ** order)[:, :, None, None] @ each  # of both axes: value and derivatives of each power
            found = powers[:, 0, :, 0] @ terms @ powers[:, 1, :, 0].mT
            gy, gx = found[:, 1, 0] - slope[:, 0], found[:, 0, 1] - slope[:, 1]
            yy, xx, yx = found[:, 2, 0], found[:, 0, 2], found[:, 1, 1]
            if step == NEWTON:
                break
            det = yy * xx - yx**2
            peaked = (yy < 0) & (xx < 0) & (det > 0)
            newton = torch.stack([-(xx * gy - yx * gx), -(yy * gx - yx * gy)], dim=1) / torch.where(peaked, det, 1.0)[:, None]
            climb = torch.sign(torch.stack([gy, gx], dim=1))  # not a maximum here: uphill
            most = 1 / (step + 2)
            shift = (shift + torch.where(peaked[:, None], newton, climb).clamp(-most, most)).clamp(-1, 1)
        whole = torch.stack([down, right], dim=1) - self.reach
        return torch.cat([whole + shift, found[:, :1, 0], -(yy + xx)[:, None] / 2], dim=1).float()


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


def _waves(places: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """(n, h) and (n, w // 2 + 1): what each frequency of a half spectrum counts for the value at `places` (n,) px along each axis."""
    rows, columns = size
    axes = torch.fft.fftfreq(rows, dtype=torch.float64), torch.fft.rfftfreq(columns, dtype=torch.float64)
    down, right = (torch.exp(2j * torch.pi * places.double()[:, None] * axis.to(places.device)) for axis in axes)
    right = right * (_both_sides(columns, places.device) / (rows * columns))
    return down.to(torch.complex64), right.to(torch.complex64)


def _at(spectrum: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """(..., n, m) what a half spectrum (..., h, w // 2 + 1) has at n places along rows and m along columns (a matrix DFT)."""
    return ((down @ spectrum) @ right.mT).real


def _slopes(surface: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along rows and columns; 0 where there is nothing to differ from."""
    if surface.shape[-1] < 2:
        return torch.zeros_like(surface), torch.zeros_like(surface)
    down, right = torch.gradient(surface, dim=(-2, -1))
    return down, right
