"""A movie in which nothing happens, but whose noise and slow fluctuations are those of a recording."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from detectnmf.compressed import Compressed
from detectnmf.result import DemixResult
from detectnmf.sparse import SparseMatrix

MEANING = "expected false: found in what is left of the recording, its phases randomised alike in all places"


def null_movie(result: DemixResult, rng: np.random.Generator) -> Compressed:
    """The result's movie without its components, phases randomised.

    All places get the same random phases, so that every spectrum and every correlation between places stays as it is (Prichard and
    Theiler, 1994), while nothing is left that happens at a time. What the components had left of true events is spread over all times:
    the null is a little too loud rather than too quiet. Fluctuations that are skewed become symmetric.
    """
    movie = result.movie
    assert movie is not None and result.cells.traces is not None
    V = movie.V
    for cells in (result.cells, result.rejected):
        if len(cells) and cells.traces is not None:
            footprints = sparse.diags_array(1 / movie.std.ravel()) @ cells.footprints
            basis = movie.U if movie.U_local is None else movie.U_local
            shared = SparseMatrix(sparse.csr_array(basis.csr.T @ footprints), movie.device)
            V = V - shared @ torch.from_numpy(np.ascontiguousarray(cells.traces)).to(V)
    return movie.with_V(phases_randomised(V, rng))


def phases_randomised(courses: Tensor, rng: np.random.Generator) -> Tensor:
    """(R, T) with the same random phase added to each frequency of all rows; their means stay."""
    frames = courses.shape[1]
    spectrum = torch.fft.rfft(courses, dim=1)
    turn = np.exp(2j * np.pi * rng.random(spectrum.shape[1]))
    turn[0] = 1
    if frames % 2 == 0:
        turn[-1] = 1  # the highest frequency of an even number of frames is real
    return torch.fft.irfft(spectrum * torch.from_numpy(turn).to(spectrum), n=frames, dim=1)
