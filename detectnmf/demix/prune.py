"""Which cells are none: empty, too small or too large, uncorrelated with the movie, or below the noise."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.footprints import area


def height(C: Tensor, signed: bool = False) -> Tensor:
    """(K,) how far a trace (K, T) rises above its median in the highest 0.5 % of its frames; signed: rises or falls."""
    frames = C.shape[1]
    rank = max(1, min(frames, round(0.995 * frames)))
    middle = C.median(dim=1).values
    up = torch.kthvalue(C, rank, dim=1).values - middle
    return torch.maximum(up, middle - torch.kthvalue(C, frames + 1 - rank, dim=1).values) if signed else up


def brightness(footprints: sparse.csc_array, C: Tensor, signed: bool = False) -> np.ndarray:
    """(K,) height of each trace's peaks in its matched filter, in units of the recording's noise.

    ‖a‖ · (99.5th percentile of c − median of c): the filter a/‖a‖ passes white noise with standard deviation 1.
    """
    if not len(C):
        return np.zeros(0)
    norm = np.sqrt(np.asarray(footprints.multiply(footprints).sum(axis=0)).ravel())
    return norm * height(C, signed).double().cpu().numpy()


def doubtful(
    footprints: sparse.csc_array,
    C: Tensor,
    peak: np.ndarray,
    correlation: float,
    noise: float,
    pixels: tuple[int, int],
    std: np.ndarray | None = None,
    signed: bool = False,
) -> np.ndarray:
    """(K,) True for cells to delete.

    Args:
        footprints: (P, K). C: (K, T).
        peak: (K,) highest residual correlation.
        correlation: least value of it.
        noise: least brightness (units of noise).
        pixels: least number of pixels in the support, and greatest number where the footprint is above 0.2 of its maximum:
            faint dendrites may go far.
        std: (P,) noise of each pixel: footprints are measured in the recording's units, in which dendrites on a dark ground
            do not weigh more than the soma.
        signed: traces fall as well as rise.
    """
    support, mask = np.diff(footprints.indptr), area(footprints if std is None else sparse.diags_array(std) @ footprints)
    return (support < pixels[0]) | (mask > pixels[1]) | (peak < correlation) | (brightness(footprints, C, signed) < noise)
