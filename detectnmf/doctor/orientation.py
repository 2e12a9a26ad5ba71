"""Whether the first axis is time: along time pictures stay alike, along rows and columns they do not."""

from __future__ import annotations

import numpy as np

from detectnmf.doctor.finding import Finding
from detectnmf.recording import Recording

LOOKED = 64  # frames, or less
BYTES = 2**27  # of frames that are looked at, but two for each group
SIDE = 512  # px of each side that are looked at, evenly spread
GROUPS = 8  # of slices, averaged
ALIKE = 0.7  # correlation that time has at least
APART = 0.4  # by which it is above that of the first axis


def turned(recording: Recording) -> Finding | None:
    """A finding when another axis than the first looks like time."""
    if min(recording.shape) < 2 * GROUPS:
        return None
    alike = likeness(recording)
    axis = int(np.argmax(alike))
    if axis == 0 or alike[axis] < ALIKE or alike[axis] - alike[0] < APART:
        return None
    frames, rows, columns = recording.shape
    cure = "YXT" if axis == 2 else "YTX"
    value = f"{frames} × {rows} × {columns}: pictures stay alike along the {'last' if axis == 2 else 'second'} axis, not along the first"
    return Finding("axes", value, "stop", f"time is not the first axis: give axes={cure} (or axes=TYX if it is right as it is)")


def likeness(recording: Recording) -> tuple[float, float, float]:
    """Mean correlation, along each axis, of pictures that lie at least a third of it apart."""
    frames, rows, columns = recording.shape
    count = min(LOOKED, max(2 * GROUPS, BYTES // (rows * columns * recording.dtype.itemsize)))
    some = slice(None), slice(None, None, -(-rows // SIDE)), slice(None, None, -(-columns // SIDE))
    block = np.concatenate([recording[int(t) : int(t) + 1][some] for t in np.unique(np.linspace(0, frames - 1, count).astype(int))])
    block = np.nan_to_num(block.astype(np.float32), posinf=0, neginf=0)
    return _alike(block), _alike(block.swapaxes(0, 1)), _alike(block.swapaxes(0, 2))


def _alike(block: np.ndarray) -> float:
    parts = np.stack([part.mean(axis=0) for part in np.array_split(block, GROUPS)])
    parts -= parts.mean(axis=1, keepdims=True)  # what all columns, or all rows, have in common: flicker, bleaching, shading
    parts -= parts.mean(axis=2, keepdims=True)
    pictures = parts.reshape(GROUPS, -1)
    norm = np.linalg.norm(pictures, axis=1)
    if (norm == 0).any():
        return 0.0
    products = (pictures / norm[:, None]) @ (pictures / norm[:, None]).T
    apart = np.abs(np.subtract.outer(np.arange(GROUPS), np.arange(GROUPS))) >= GROUPS // 3
    return float(products[apart].mean())
