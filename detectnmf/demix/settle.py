"""From the last state of a demixer to the model it hands on."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from detectnmf.demix.colour import classes
from detectnmf.demix.hals import normalise
from detectnmf.demix.model import Model
from detectnmf.demix.prune import brightness
from detectnmf.demix.rest import at_rest
from detectnmf.demix.state import State, rows
from detectnmf.sparse import SparseMatrix


def settled(state: State, least_brightness: float) -> Model:
    """Without what is empty, constant or too dim (units of noise); footprints have maximum 1, the baseline is where cells rest."""
    footprints = sparse.csc_array(state.footprints, copy=True)
    footprints.eliminate_zeros()
    kept = np.flatnonzero((np.diff(footprints.indptr) > 0) & (brightness(footprints, state.C) >= least_brightness))
    footprints, C = normalise(sparse.csc_array(footprints[:, kept]), rows(state.C, kept))
    A = SparseMatrix(footprints, C.device)
    rested = at_rest(state.target, A, C, classes(footprints))
    return Model(A, rested.C, rested.b, state.B, rows(state.score, kept))
