"""Splitting against pairs of cells seeded as one, and against single cells that look like two."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from toys import toy, traces

from detectnmf.demix.colour import classes
from detectnmf.demix.grams import Target
from detectnmf.demix.hals import spatial, temporal
from detectnmf.demix.merge import merge
from detectnmf.demix.pattern import Pattern
from detectnmf.demix.split import (
    ENOUGH_CELLS,
    NEIGHBOURS,
    averaged,
    mixed,
    pair,
    purest,
    regress,
    second,
    split,
    standing_out,
    strongest,
    whole,
)
from detectnmf.sparse import SparseMatrix

SIZE = (40, 40)
AREA = 20.0  # px, a quarter of a disc of 10 px


def target_of(made):
    return Target.of(made.movie, torch.zeros_like(made.movie.V))


def fitted(target, A, rounds=4, signed=False):
    """Footprints and traces after a few iterations from given supports."""
    A = sparse.csc_array(A, dtype=np.float32)
    C = temporal(target, SparseMatrix(A), torch.zeros(A.shape[1], target.frames), classes(A), 20, signed=signed)
    return improved(target, A, C, rounds, signed)


def improved(target, A, C, rounds=4, signed=False):
    pattern = Pattern.of(A, target.U)
    for _ in range(rounds):
        A = pattern.matrix(spatial(target, pattern, pattern.values(A), C, 2))
        C = temporal(target, SparseMatrix(A), C, pattern.colours, 2, signed=signed)
    return A, C


def divided(target, A, C, signed=False, size=SIZE):
    return split(target, A, C, size, 0.4, 0.5, 10.0, AREA, signed)


def blob(y, x, radius=3.0, size=SIZE):
    rows, columns = np.mgrid[: size[0], : size[1]]
    image = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * radius**2))
    return np.where(image > 0.1, image, 0).astype(np.float32)


def similar(found, images, C, courses):
    """(K,) cosine of footprints and correlation of traces, each true cell with its most similar found one."""
    dense = found.toarray().T
    true = images.reshape(len(images), -1)
    cosine = true @ dense.T / np.outer(np.linalg.norm(true, axis=1), np.linalg.norm(dense, axis=1))
    alike = np.corrcoef(courses, C.numpy())[: len(courses), len(courses) :]
    best = alike.argmax(axis=1)
    assert len(set(best.tolist())) == len(images)
    return cosine[np.arange(len(images)), best], alike.max(axis=1)


@pytest.mark.parametrize("apart", [6, 8, 10])
@pytest.mark.parametrize("seed", range(3))
def test_two_cells_seeded_as_one_are_found(apart, seed):
    images = np.stack([blob(18, 16), blob(22, 16 + apart)])
    courses = traces(2, 800, np.random.default_rng(seed))
    courses[1] *= 0.7
    made = toy(SIZE, 800, images=images, courses=courses, seed=seed)
    target = target_of(made)
    A, C = fitted(target, np.maximum(*images).reshape(-1, 1))
    found = divided(target, A, C)
    assert found.count == 1 and found.origin.tolist() == [0, 0]
    assert (found.footprints.data > 0).all() and (found.C >= 0).all()
    cosine, alike = similar(found.footprints, images, found.C, courses)
    assert (cosine > 0.85).all() and (alike > 0.95).all()
    cosine, alike = similar(*[x for y in zip(improved(target, found.footprints, found.C), (images, courses), strict=True) for x in y])
    assert (cosine > 0.9).all() and (alike > 0.97).all()


@pytest.mark.parametrize("peak", [2.0, 8.0, 40.0])
@pytest.mark.parametrize("seed", range(3))
def test_single_cells_stay(peak, seed):
    made = toy((48, 48), 500, cells=6, seed=seed, peak=peak)
    target = target_of(made)
    A, C = fitted(target, made.truth.footprints)
    found = divided(target, A, C, size=(48, 48))
    assert found.count == 0 and found.footprints is A and found.C is C and found.origin.tolist() == list(range(6))


def test_a_dense_movie_from_true_footprints_stays():
    made = toy((64, 64), 800, cells=25, seed=0)
    target = target_of(made)
    assert divided(target, *fitted(target, made.truth.footprints), size=(64, 64)).count == 0


def test_a_cell_and_its_dendrite_stay_one():
    """They share the trace, however far the dendrite reaches and however thick it is."""
    image = np.maximum(blob(12, 12), 0.6 * blob(26, 26))
    image[18:21, 12:26] = 0.5
    made = toy(SIZE, 800, images=image[None], courses=traces(1, 800, np.random.default_rng(1)))
    target = target_of(made)
    assert divided(target, *fitted(target, image.reshape(-1, 1))).count == 0


def test_the_edge_of_a_cell_that_was_not_found_yet_is_no_second_cell():
    images = np.stack([blob(20, 14), blob(20, 24)])
    made = toy(SIZE, 800, images=images, courses=traces(2, 800, np.random.default_rng(2)))
    target = target_of(made)
    A, C = fitted(target, images[:1].reshape(1, -1).T)
    assert 0 < ((images[0] > 0) & (images[1] > 0)).sum() < 3 * AREA
    assert divided(target, A, C).count == 0


def test_what_a_neighbour_leaves_over_is_no_second_cell():
    """The neighbour's support is too small, so that its halo lies in this cell unexplained."""
    images = np.stack([blob(20, 14, 4.0), blob(20, 22, 4.0)])
    made = toy(SIZE, 800, images=images, courses=traces(2, 800, np.random.default_rng(2), peak=20.0))
    target = target_of(made)
    core = np.where(images[1] > 0.8, images[1], 0)
    A, C = fitted(target, np.stack([images[0].ravel(), core.ravel()], axis=1))
    assert pair_energy(target, A, C) > 100
    assert divided(target, A, C).count == 0


def pair_energy(target, A, C):
    """Energy of the second course on the first cell's support."""
    from detectnmf.demix.split import local

    patch = local(target, A, sparse.csr_array(A), 0)
    return (strongest(patch.left, patch.right(target.V, C))[1][1] ** 2).sum()


@pytest.mark.parametrize("seed", range(3))
def test_a_background_under_a_cell_is_no_second_cell(seed):
    made = toy(SIZE, 800, images=blob(20, 20)[None], courses=traces(1, 800, np.random.default_rng(seed)), background=1.0, seed=seed)
    target = target_of(made)
    assert divided(target, *fitted(target, made.truth.footprints)).count == 0


def test_splitting_and_merging_do_not_undo_each_other():
    rng = np.random.default_rng(3)
    images = np.stack([blob(12, 12), blob(14, 19), blob(28, 12), blob(30, 20), blob(8, 32), blob(20, 33)])
    made = toy(SIZE, 800, images=images, courses=traces(len(images), 800, rng))
    target = target_of(made)
    A = [np.maximum(images[0], images[1]), np.maximum(images[2], images[3]), *images[4:]]
    A, C = fitted(target, np.stack(A).reshape(len(A), -1).T)
    counts = []
    for _ in range(5):
        found = divided(target, A, C)
        A, C = improved(target, found.footprints, found.C)
        joined = merge(A, C, SIZE, 0.8, 0.15, 0.9)
        counts.append((found.count, joined.pairs))
        A, C = joined.footprints, joined.C
    assert counts == [(2, 0), *[(0, 0)] * 4]
    cosine, alike = similar(A, images, C, made.truth.traces)
    assert (cosine > 0.95).all() and (alike > 0.97).all()


def test_dips_are_split_where_traces_are_signed():
    images = np.stack([blob(18, 16), blob(22, 24)])
    courses = -traces(2, 800, np.random.default_rng(4))
    courses[0] *= -1
    made = toy(SIZE, 800, images=images, courses=courses)
    target = target_of(made)
    A, C = fitted(target, np.maximum(*images).reshape(-1, 1), signed=True)
    found = divided(target, A, C, signed=True)
    assert found.count == 1 and (found.C < 0).any()
    cosine, alike = similar(found.footprints, images, found.C, courses)
    assert (cosine > 0.85).all() and (alike > 0.95).all()


def test_the_stronger_part_stays_in_its_place():
    images = np.stack([blob(10, 10), blob(10, 18), blob(30, 30)])
    courses = traces(3, 800, np.random.default_rng(5))
    courses[0] *= 0.5
    made = toy(SIZE, 800, images=images, courses=courses)
    target = target_of(made)
    A, C = fitted(target, np.stack([np.maximum(*images[:2]).ravel(), images[2].ravel()], axis=1))
    found = divided(target, A, C)
    assert found.origin.tolist() == [0, 1, 0]
    assert torch.equal(found.C[1], C[1]) and abs(found.footprints[:, [1]] - A[:, [1]]).max() == 0
    columns = np.asarray(found.footprints.argmax(axis=0)).ravel() % 40
    assert columns[0] > 14 > columns[2]


def test_nothing_and_specks_stay():
    made = toy(SIZE, 100, cells=1)
    target = target_of(made)
    empty = sparse.csc_array((1600, 0), dtype=np.float32)
    assert divided(target, empty, torch.zeros(0, 100)).count == 0
    speck = sparse.csc_array(([1.0, 1.0], ([820, 821], [0, 0])), shape=(1600, 2))
    assert divided(target, speck, torch.rand(2, 100)).count == 0


def test_strongest_vectors_equal_the_svd():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((60, 12)) * 2.0 ** -np.arange(12), rng.standard_normal((12, 300))
    right -= right.mean(axis=1, keepdims=True)
    basis, courses = strongest(left, right)
    values = np.linalg.svd(left @ right, compute_uv=False)
    assert np.allclose(np.linalg.norm(courses, axis=1)[:2], values[:2], rtol=1e-3)
    assert np.allclose(basis.T @ basis, np.eye(4), atol=1e-6)
    assert np.allclose(courses, basis.T @ left @ right, atol=1e-8)


def test_pure_pixels_give_the_exact_factors():
    rng = np.random.default_rng(1)
    A = rng.random((80, 2))
    A[:20, 0], A[20:45, 1] = 0, 0  # pixels of one cell alone
    C = rng.random((2, 300)) ** 8
    C -= C.mean(axis=1, keepdims=True)
    left, right = strongest(A, C)
    found = purest(left, right)
    cosine = found.T @ A / np.outer(np.linalg.norm(found, axis=0), np.linalg.norm(A, axis=0))
    assert cosine.max(axis=0) == pytest.approx(1.0, abs=1e-4) and cosine.max(axis=1) == pytest.approx(1.0, abs=1e-4)
    found = pair(left, right, 0.0, 0.1, False)
    assert np.allclose(found.A @ found.C, A @ C, atol=1e-2 * np.abs(A @ C).max())


def test_only_a_second_course_that_is_unusual_here_may_be_a_cell():
    """Cells of a recording that moves all have one; so has, more of it, the one that holds two cells."""
    rng = np.random.default_rng(4)
    moving = rng.uniform(0.05, 0.1, ENOUGH_CELLS)
    assert not standing_out(list(moving)).any()
    two = np.append(moving, 0.4)
    assert np.flatnonzero(standing_out(list(two))).tolist() == [ENOUGH_CELLS]
    assert standing_out([0.05, 0.1, 0.0]).tolist() == [True, True, False]  # too few to tell what is usual
    assert standing_out([]).tolist() == []


def test_the_second_course_is_the_ratio_of_squared_singular_values():
    rng = np.random.default_rng(5)
    A, C = rng.random((60, 2)), rng.standard_normal((2, 300))
    C -= C.mean(axis=1, keepdims=True)
    values = np.linalg.svd(A @ C, compute_uv=False)
    assert second(strongest(A, C)[1]) == pytest.approx((values[1] / values[0]) ** 2, rel=1e-4)
    assert second(strongest(A[:, :1], C[:1])[1]) == pytest.approx(0, abs=1e-9)


def test_regression_of_two_traces_equals_least_squares():
    rng = np.random.default_rng(2)
    A, movie = rng.random((30, 2)), rng.standard_normal((30, 100))
    movie -= movie.mean(axis=1, keepdims=True)
    found = regress(A, A.T @ movie, True, sweeps=200)
    assert np.allclose(found - found.mean(axis=1, keepdims=True), np.linalg.lstsq(A, movie, rcond=None)[0], atol=1e-6)
    assert (regress(A, A.T @ movie, False) >= 0).all()


def test_whole_keeps_the_heavier_piece():
    values = np.array([0.5, 0.6, 0.0, 1.0, 0.05])
    pixels = np.array([0, 1, 2, 3, 4])  # one row; the third and the faint fifth are left out
    assert whole(values, pixels, (5, 5)).tolist() == [0, 0, 0, 1.0, 0]
    assert whole(np.array([0.8, 0.8, 0.0, 1.0, 0.05]), pixels, (5, 5)).tolist() == [0.8, 0.8, 0, 0, 0]


def test_long_movies_are_averaged_short_ones_are_not():
    x = torch.arange(4096, dtype=torch.float32)[None]
    assert averaged(x).shape == (1, 512) and averaged(x[:, :700]).shape == (1, 700)
    assert torch.allclose(averaged(x), x.unflatten(1, (512, 8)).mean(dim=2) - x.mean())


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)], indirect=True)
def test_cpu_and_gpu_agree(device):
    images = np.stack([blob(18, 16), blob(22, 24)])
    made = toy(SIZE, 800, images=images, courses=traces(2, 800, np.random.default_rng(0)))
    A, C = fitted(target_of(made), np.maximum(*images).reshape(-1, 1))
    movie = made.movie.to(device)
    there, here = divided(Target.of(movie, torch.zeros_like(movie.V)), A, C.to(device)), divided(target_of(made), A, C)
    assert there.C.device.type == device and there.origin.tolist() == here.origin.tolist()
    assert torch.allclose(there.C.cpu(), here.C, atol=1e-3 * float(here.C.max()))


def test_a_part_that_its_neighbours_add_up_to_is_known_though_it_resembles_none_of_them():
    rng = np.random.default_rng(0)
    near = rng.standard_normal((5, 20_000))
    near -= near.mean(axis=1, keepdims=True)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    own, mixture = near[0], near[1] + near[2] + near[3]  # explained by no single one to more than a third
    others = torch.from_numpy(near[1:])
    assert np.max(near[1:] @ mixture / np.linalg.norm(mixture)) < 0.6
    assert mixed(np.stack([own, mixture]), others) == pytest.approx(1, abs=1e-6)
    assert mixed(np.stack([own, 0.6 * own + 0.8 * near[4]]), others) == pytest.approx(0.64, abs=0.02)  # 0.8² of its energy
    assert mixed(np.stack([own, -mixture]), others) < 0.01 < NEIGHBOURS  # shares below zero do not count
    assert mixed(np.stack([own, mixture]), others[:0]) == 0
