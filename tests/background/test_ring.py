"""The ring background against smooth backgrounds that were put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage, sparse
from toys import smooth_background, toy

from detectnmf.background.grid import Grid
from detectnmf.background.none import NoBackground
from detectnmf.background.ring import Ring
from detectnmf.compressed import Compressed
from detectnmf.demix.model import Model
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


def masked(made):
    """A model that knows where the cells are, and nothing of their traces."""
    return replace(Model.nothing(made.movie), A=made.A)


def fraction(made, B):
    """Energy of what is missing of the background, as part of the background's."""
    return float(((made.movie.U @ B).numpy() - made.background).__pow__(2).sum() / (made.background**2).sum())


@pytest.mark.parametrize("cells", [0, 8])
def test_a_smooth_background_is_recovered_with_and_without_cells(cells):
    images = np.zeros((0, 48, 48), np.float32) if cells == 0 else None
    made = toy(size=(48, 48), frames=600, cells=cells, background=1.0, images=images, courses=None if cells else np.zeros((0, 600)))
    assert fraction(made, Ring()(made.movie, masked(made), 10.0, RUNTIME)) < (0.08 if cells == 0 else 0.03)


def test_it_has_no_mean_over_time():
    made = toy(background=1.0)
    B = Ring()(made.movie, masked(made), 10.0, RUNTIME)
    assert float(B.mean(dim=1).abs().max()) < 1e-4


@pytest.mark.parametrize("known", [8, 5])
def test_a_background_free_movie_gets_almost_none(known):
    """Even when some cells were not found yet."""
    made = toy(size=(64, 64), frames=600, cells=8, seed=2)
    model = replace(Model.nothing(made.movie), A=SparseMatrix(made.truth.footprints[:, :known]))
    B = Ring()(made.movie, model, 10.0, RUNTIME)
    signal = made.truth.footprints @ made.truth.traces
    signal -= signal.mean(axis=1, keepdims=True)
    assert float((made.movie.U @ B).square().sum()) < 0.01 * (signal**2).sum()


def test_cells_under_the_mask_give_nothing():
    """The background does not change when the masked cells flash ten times brighter."""
    size = (48, 48)
    ground = smooth_background(size, 200, np.random.default_rng(0))
    cell = np.zeros(size, np.float32)
    cell[20:28, 20:28] = 1
    flash = np.random.default_rng(1).random((1, 200)).astype(np.float32)
    found = []
    for height in (1.0, 10.0):
        # exact factors: the background's own four, and the cell
        left, values, right = np.linalg.svd(ground, full_matrices=False)
        spatial = np.concatenate([left[:, :4] * values[:4], height * cell.reshape(-1, 1)], axis=1)
        movie = Compressed.from_factors(spatial, np.concatenate([right[:4], flash]), np.zeros(size))
        model = replace(Model.nothing(movie), A=SparseMatrix(sparse.csr_array(cell.reshape(-1, 1))))
        # in the background's own bases alone, what the ring sees of the cell would show
        found.append((movie.U @ Ring()(movie, model, 8.0, RUNTIME)).numpy())
    assert np.abs(found[0]).max() > 1
    assert np.abs(found[1] - found[0]).max() < 1e-3 * np.abs(found[0]).max()


def test_the_noise_level_does_not_matter():
    """A pixel twice as noisy has half the background in units of noise, and gets it."""
    made = toy(size=(48, 48), frames=400, cells=4, background=1.0, seed=3)
    std = np.ones((48, 48), np.float32)
    std[:, 24:] = 2.0
    scale = 1 / std.ravel()
    movie = replace(
        made.movie,
        U=SparseMatrix(sparse.csr_array(made.movie.U.csr * scale[:, None])),
        U_local=None,
        std=std,
    )
    B = Ring()(movie, replace(Model.nothing(movie), A=made.A), 10.0, RUNTIME)
    found = (movie.U @ B).numpy() * std.reshape(-1, 1)
    assert ((found - made.background) ** 2).sum() < 0.04 * (made.background**2).sum()


def test_nothing_to_work_on():
    made = toy(size=(24, 24), frames=60, cells=1)
    everywhere = replace(Model.nothing(made.movie), A=SparseMatrix(sparse.csr_array(np.ones((576, 1)))))
    assert not Ring()(made.movie, everywhere, 10.0, RUNTIME).any()  # no open pixel is left
    assert torch.equal(NoBackground()(made.movie, everywhere, 10.0, RUNTIME), torch.zeros_like(made.movie.V))


@pytest.mark.parametrize("size", [(7, 19), (24, 24), (30, 1)])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_grid_keeps_sums_and_reproduces_constants_and_ramps(size, step):
    grid = Grid(size, step)
    image = np.random.default_rng(0).random(size)
    assert (grid.sum() @ image.ravel()).sum() == pytest.approx(image.sum())
    assert np.allclose(grid.interpolate() @ np.ones(grid.sum().shape[0]), 1, atol=1e-6)
    centre = (np.arange(grid.shape[1]) + 0.5) * step - 0.5
    ramp = (grid.interpolate() @ np.tile(centre, grid.shape[0])).reshape(size)
    inner = slice(int(np.ceil(centre[0])), int(centre[-1]) + 1)
    assert np.allclose(ramp[:, inner], np.arange(size[1])[inner], atol=1e-4)


def test_ring_sums_equal_a_convolution():
    grid = Grid((25, 30), 1)
    image = np.random.default_rng(0).random((25, 30))
    y, x = np.mgrid[-6:7, -6:7]
    kernel = ((np.hypot(y, x) >= 4) & (np.hypot(y, x) <= 6)).astype(float)
    expected = ndimage.convolve(image, kernel, mode="constant")
    assert np.allclose((grid.around(4, 6).sums() @ image.ravel()).reshape(25, 30), expected, atol=1e-4)


def test_planes_see_through_masks_and_borders():
    """From any half-masked ring, a plane gives its own value; the mean of the ring would not."""
    grid = Grid((30, 30), 1)
    ring = grid.around(4, 6)
    y, x = np.mgrid[:30, :30]
    plane = (3 + 0.2 * y - 0.5 * x).ravel()
    open_ = (np.random.default_rng(0).random(900) > 0.5) & (x.ravel() != 15) & (y.ravel() < 20)
    found = ring.planes(open_.astype(float), 1e-6) @ (open_ * plane)
    inside = ring.sums() @ open_.astype(float) > 8
    assert np.abs(found - plane)[inside].max() < 0.05
    mean = ring.planes(open_.astype(float), 1e6) @ (open_ * plane)  # stiff: the mean
    count = ring.sums() @ open_.astype(float)
    assert np.allclose(mean[inside], ((ring.sums() @ (open_ * plane)) / np.maximum(count, 1))[inside], atol=1e-3)
    assert np.abs(mean - plane)[inside].max() > 1
