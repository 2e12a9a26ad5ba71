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
        energy = float(self.image.square().sum())
        parts = torch.stack([torch.ones_like(self.image), self.image]) if energy else torch.ones_like(self.image)[None]
        flat = parts.flatten(1)
        shares = frames.flatten(1) @ (flat / flat.square().sum(1, keepdim=True)).T  # the image has mean 0: each part by itself
        return torch.addmm(frames.flatten(1), shares, flat, alpha=-1).view_as(frames)


def smoothed(image: Tensor, width: float) -> Tensor:
    """(Y, X) convolved with a Gaussian, mirrored at the border."""
    from scipy.ndimage import gaussian_filter

    return torch.from_numpy(gaussian_filter(image.cpu().numpy(), width)).to(image)
