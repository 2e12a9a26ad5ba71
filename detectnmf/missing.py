"""Samples that are missing: not finite, or saturated integers."""

from __future__ import annotations

import numpy as np


def missing_samples(raw: np.ndarray, part: np.ndarray) -> np.ndarray | None:
    """Where samples of `raw`, as floats `part`, are not finite, or saturated integers; None if all are there."""
    bad = raw == np.iinfo(raw.dtype).max if np.issubdtype(raw.dtype, np.integer) else ~np.isfinite(part)
    return bad if bad.any() else None


def with_bad(missing: np.ndarray | None, bad_pixels: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """The missing samples of frames (n, Y, X), with the pixels (Y, X) that are known to be bad in all of them."""
    if bad_pixels is None or not bad_pixels.any():
        return missing
    bad = np.broadcast_to(bad_pixels.astype(bool), shape)
    return bad if missing is None else missing | bad


def filled(part: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Each missing sample's frame's median: neither a hole for an erosion nor a peak for a dilation."""
    with np.errstate(all="ignore"):
        known = np.where(missing, np.nan, part).reshape(len(part), -1)
        middle = np.array([np.median(frame[np.isfinite(frame)]) if np.isfinite(frame).any() else 0.0 for frame in known])
    return np.broadcast_to(middle[:, None, None], part.shape)[missing]
