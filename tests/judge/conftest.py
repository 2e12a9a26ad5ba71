"""Drawn toys: cells are rectangles, movies are exact low-rank products of known cells."""

import numpy as np
import pytest
import torch
from scipy import sparse

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.result import DemixResult
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

SIZE = (20, 40)


class Toys:
    """Makers of drawn cells, movies and results."""

    size = SIZE

    @staticmethod
    def boxes(corners, height=6, width=6):
        """(K, Y, X) filled boxes at (row, column); an entry of four gives its own height and width."""
        images = np.zeros((len(corners), *SIZE), np.float32)
        for image, (row, column, *extent) in zip(images, corners, strict=True):
            h, w = extent or (height, width)
            image[row : row + h, column : column + w] = 1
        return images

    @staticmethod
    def cells(corners, traces=None):
        return Components.from_images(Toys.boxes(corners), traces)

    @staticmethod
    def nothing(frames):
        """A background that is not there."""
        return Compressed.from_factors(sparse.csr_array((SIZE[0] * SIZE[1], 0)), np.zeros((0, frames)), np.zeros(SIZE))

    @staticmethod
    def result(cells, frames=None, movie=None, background=None, baseline=None):
        frames = cells.traces.shape[1] if frames is None else frames
        baseline = np.zeros(SIZE, np.float32) if baseline is None else baseline
        return DemixResult(cells, baseline, background or Toys.nothing(frames), movie)

    @staticmethod
    def movie(spatial, temporal, mean=None, **known):
        """A compressed movie from exact factors (P, R), (R, T)."""
        return Compressed.from_factors(sparse.csr_array(spatial), temporal, np.zeros(SIZE) if mean is None else mean, **known)

    @staticmethod
    def model(movie, footprints, traces, score=None):
        A = SparseMatrix(sparse.csr_array(footprints))
        cells = A.shape[1]
        score = torch.ones(cells) if score is None else torch.as_tensor(score)
        C = torch.as_tensor(np.asarray(traces, np.float32)).reshape(cells, len(movie))
        return Model(A, C, torch.zeros(A.shape[0]), torch.zeros_like(movie.V), score)


@pytest.fixture
def toys():
    return Toys


@pytest.fixture
def quiet():
    return Runtime(device="cpu", max_memory=1, quiet=True)


@pytest.fixture
def rng():
    return np.random.default_rng(3)
