"""Means over frames and pixels, in the factors, against the same of dense frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse
from toys import toy

from detectnmf.compress.whole import Whole
from detectnmf.demix.decimate import Coarse
from detectnmf.demix.model import Light, Model
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.sparse import SparseMatrix

RUNTIME = Runtime(device="cpu", max_memory=1.0, quiet=True)


@pytest.fixture(scope="module")
def uneven():
    """7 cells on 33 x 38 px, whose noise differs from pixel to pixel; neither edge is a multiple of 2 or 3."""
    made = toy(size=(33, 38), frames=305, cells=7, seed=2)
    std = np.random.default_rng(0).uniform(0.5, 2, (33, 38)).astype(np.float32)
    return replace(made, movie=replace(made.movie, std=std, mean=np.random.default_rng(1).uniform(50, 90, (33, 38)).astype(np.float32)))


def dense_means(x, frames, pixels, good=None):
    """(T, Y, X) -> means over runs of frames and squares of pixels, by loops; pixels that are not good left out."""
    x = x[: len(x) // frames * frames].reshape(-1, frames, *x.shape[1:]).mean(1)
    good = np.ones(x.shape[1:], bool) if good is None else good
    rows, columns = (-(-edge // pixels) for edge in x.shape[1:])
    out = np.full((len(x), rows, columns), np.nan)
    for i in range(rows):
        for j in range(columns):
            here = np.s_[i * pixels : (i + 1) * pixels, j * pixels : (j + 1) * pixels]
            if good[here].any():
                out[:, i, j] = x[:, *here][:, good[here]].mean(1)
    return out


@pytest.mark.parametrize(("frames", "pixels"), [(1, 2), (4, 1), (5, 2), (30, 3)])
def test_the_coarse_movie_is_the_mean_of_the_fine_one(uneven, frames, pixels):
    coarse = Coarse.of(uneven.movie, frames, pixels).movie
    assert np.allclose(coarse[:], dense_means(uneven.movie[:], frames, pixels), atol=1e-3)
    assert coarse.rate == pytest.approx(30 / frames) and coarse.pixel_size == pixels


def test_more_bases_than_pixels_are_written_out_and_nothing_changes(uneven):
    coarse = Coarse.of(uneven.movie, 5, 11)
    assert coarse.written_out and coarse.movie.rank == 12
    assert np.allclose(coarse.movie[:], dense_means(uneven.movie[:], 5, 11), atol=1e-3)


def test_it_is_in_units_of_its_own_noise():
    """White noise of any level has deviation 1 again, and projecting a coarse image on its bases gives it back."""
    spread = np.random.default_rng(1).uniform(1, 3, (24, 30))
    noise = (100 + spread * np.random.default_rng(0).standard_normal((2000, 24, 30))).astype(np.float32)
    movie = Whole()(Recording(noise), RUNTIME)
    coarse = Coarse.of(movie, 10, 2).movie
    assert float((coarse.U @ coarse.V).std()) == pytest.approx(1, abs=0.02)
    local = coarse.U.csr @ coarse.U_local.csr.T
    assert np.allclose(local.toarray(), np.eye(180), atol=1e-5)


def test_bad_pixels_and_frames_do_not_count(uneven):
    bad = np.zeros((33, 38), bool)
    bad[:2, :2], bad[10] = True, True
    U = sparse.csr_array(sparse.diags_array((~bad).ravel().astype(float)) @ uneven.movie.U.csr)
    frames = np.zeros(305, bool)
    frames[20:25], frames[40:42] = True, True
    V = uneven.movie.V.clone()
    V[:, frames] = 1e3
    movie = replace(uneven.movie, U=SparseMatrix(U), V=V, bad_pixels=bad, bad_frames=frames)
    coarse = Coarse.of(movie, 5, 2).movie
    assert coarse.bad_pixels[0, 0] and not coarse.bad_pixels[5].any()
    assert coarse.bad_frames.tolist() == [t == 4 for t in range(61)]
    clean = dense_means(replace(movie, V=uneven.movie.V)[:], 5, 2, ~bad)
    keep = [t for t in range(61) if t not in (4, 8)]
    assert np.allclose(coarse[:][keep, 1:], clean[keep, 1:], atol=1e-3)
    partly = (U @ uneven.movie.V.numpy()[:, 42:45].mean(1)).reshape(33, 38) * movie.std + movie.mean
    assert np.allclose(coarse[8][1:], dense_means(partly[None], 1, 2, ~bad)[0, 1:], atol=1e-3)


def test_a_model_goes_down_and_back(uneven):
    """What is constant over squares and runs of frames comes back as it was; down, it explains the mean of what it explained."""
    coarse = Coarse.of(uneven.movie, 5, 2)
    std = uneven.movie.std.ravel()
    A = SparseMatrix(sparse.diags_array(1 / std) @ uneven.truth.footprints)
    B = 0.1 * torch.randn(uneven.movie.V.shape, generator=torch.Generator().manual_seed(0))
    model = Model(A, torch.from_numpy(uneven.truth.traces), torch.linspace(-1, 1, len(std)), B, torch.ones(7))

    def light(movie, model):
        dense = model.A.csr @ model.C.numpy() + model.b.numpy()[:, None] + movie.U.csr @ model.B.numpy()
        return (movie.std.ravel()[:, None] * dense).T.reshape(-1, *movie.size)

    small = coarse.model(model)
    assert np.allclose(light(coarse.movie, small), dense_means(light(uneven.movie, model), 5, 2), atol=1e-3)
    back = coarse.back(small)
    assert back.C.shape == model.C.shape and back.B.shape == model.B.shape
    light = Light(coarse.down @ torch.ones(len(std)).numpy(), torch.arange(61.0))
    lit = coarse.back(replace(small, light=replace(light, image=torch.from_numpy(light.image.astype(np.float32))))).light
    expected = (std[:, None] * lit.image.numpy()[:, None] * lit.course.numpy()).T.reshape(-1, *uneven.movie.size)
    low = coarse.movie.std.ravel()[:, None] * light.image[:, None] * light.course.numpy()
    assert np.allclose(dense_means(expected, 5, 2), low.T.reshape(61, *coarse.movie.size), rtol=1e-4)
    again = coarse.model(back)
    for name in ("A", "C", "b", "B"):
        one, other = (getattr(m, name) for m in (again, small))
        one, other = (x.csr.toarray() if name == "A" else x.numpy() for x in (one, other))
        assert np.allclose(one, other, atol=1e-4), name
