"""Joining seeds to the cells of a model."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.components import Components
from detectnmf.demix.model import Model
from detectnmf.errors import UserError


def join(model: Model, seeds: Components, good: np.ndarray, smallest: float) -> sparse.csc_array:
    """(P, K + seeds) footprints: the model's cells, then the seeds, on usable pixels and without faint edges.

    Args:
        model: cells already there. seeds: further footprints, any scale.
        good: (P,) usable pixels.
        smallest: pixels below this fraction of a footprint's maximum are left out.
    """
    if seeds.footprints.shape[0] != len(good):
        raise UserError(f"seeds are for an image of {seeds.size} px, but the movie has {len(good)} pixels; give seeds of the movie's size")
    new = sparse.csc_array(seeds.footprints, dtype=np.float32)
    cells = np.repeat(np.arange(new.shape[1]), np.diff(new.indptr))
    top = np.zeros(new.shape[1], np.float32)
    np.maximum.at(top, cells, new.data)
    keep = (new.data > smallest * top[cells]) & good[new.indices]
    scaled = new.data[keep] / top[cells[keep]]
    new = sparse.csc_array((scaled, (new.indices[keep], cells[keep])), shape=new.shape)
    return sparse.csc_array(sparse.hstack([sparse.csc_array(model.A.csr), new], format="csc"))


def extend(values: Tensor, more: Tensor) -> Tensor:
    """Rows of one tensor after those of another, on the first one's device."""
    return torch.cat([values, more.to(values.device, values.dtype)])
