"""Which cells are none: empty, too small or too large, uncorrelated with the movie, or below the noise."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


def brightness(footprints: sparse.csc_array, C: Tensor) -> np.ndarray:
    """(K,) height of each trace's peaks in its matched filter, in units of the recording's noise.

    ‖a‖ · (99.5th percentile of c − median of c): the filter a/‖a‖ passes white noise with standard deviation 1.
    """
    if not len(C):
        return np.zeros(0)
    norm = np.sqrt(np.asarray(footprints.multiply(footprints).sum(axis=0)).ravel())
    frames = C.shape[1]
    high = torch.kthvalue(C, max(1, min(frames, round(0.995 * frames))), dim=1).values
    return norm * (high - C.median(dim=1).values).double().cpu().numpy()


def doubtful(
    footprints: sparse.csc_array, C: Tensor, peak: np.ndarray, correlation: float, noise: float, pixels: tuple[int, int]
) -> np.ndarray:
    """(K,) True for cells to delete.

    Args:
        footprints: (P, K). C: (K, T).
        peak: (K,) highest residual correlation.
        correlation: least value of it.
        noise: least brightness (units of noise).
        pixels: least and greatest number of pixels in the support.
    """
    area = np.diff(footprints.indptr)
    return (area < pixels[0]) | (area > pixels[1]) | (peak < correlation) | (brightness(footprints, C) < noise)
