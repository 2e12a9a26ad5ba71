"""`Ground`: what is wider than what is compared."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ground:
    """The slow part of the template: light out of focus and shading, which do not move with the tissue.

    Args:
        image: (Y, X) with mean 0.
    """

    image: Tensor

    @classmethod
    def of(cls, template: Tensor, width: float) -> Ground:
        """What is wider than `width` px (Gaussian, standard deviation); `width` 0 gives none."""
        if not width:
            return cls(torch.zeros_like(template))
        image = smoothed(template, width)
        return cls(image - image.mean())

    def free(self, frames: Tensor) -> Tensor:
        """(n, Y, X) frames less their mean and as much of the ground as is in each."""
        frames = frames - frames.mean((1, 2), keepdim=True)
        energy = self.image.square().sum()
        if float(energy) == 0:
            return frames
        share = torch.einsum("nyx,yx->n", frames, self.image) / energy
        return frames.sub_(share[:, None, None] * self.image)


def smoothed(image: Tensor, width: float) -> Tensor:
    """(Y, X) convolved with a Gaussian, mirrored at the border."""
    from scipy.ndimage import gaussian_filter

    return torch.from_numpy(gaussian_filter(image.cpu().numpy(), width)).to(image)
