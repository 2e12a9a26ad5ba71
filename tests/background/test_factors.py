"""Robust factors against the singular value decomposition and against outliers that were put in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.background.factors import correlations, cosines, fit, huber, ordered, project, solve


def same(images):
    return images


@pytest.fixture(scope="module")
def data():
    """Three images times courses of different strength, with a little noise: images, courses, the sum."""
    rng = np.random.default_rng(0)
    images, courses = rng.standard_normal((80, 3)) * [3, 2, 1], rng.standard_normal((3, 200))
    courses -= courses.mean(axis=1, keepdims=True)
    return [torch.from_numpy(x.astype(np.float32)) for x in (images, courses, images @ courses)]


def test_without_outliers_it_is_the_truncated_singular_value_decomposition(data):
    Y = data[2] + 0.1 * torch.from_numpy(np.random.default_rng(1).standard_normal((80, 200)).astype(np.float32))
    start = torch.from_numpy(np.random.default_rng(2).standard_normal((80, 2)).astype(np.float32))
    found = fit(Y, torch.ones(80), start, same, clip=1e6, sweeps=200, tolerance=1e-6)
    u, s, v = torch.linalg.svd(Y, full_matrices=False)
    expected = (u[:, :2] * s[:2]) @ v[:2]
    assert float((found.images @ found.courses - expected).norm() / expected.norm()) < 1e-3


def test_outliers_do_not_matter(data):
    """A tenth of the points flash in a tenth of the frames, far above everything else."""
    rng = np.random.default_rng(3)
    noise = 0.1 * torch.from_numpy(rng.standard_normal((80, 200)).astype(np.float32))
    flashes = torch.zeros(80, 200)
    flashes[:8, ::10] = 30.0
    start = data[0] + 0.5 * torch.from_numpy(rng.standard_normal((80, 3)).astype(np.float32))
    error = []
    for clip in (1.5, 1e6):
        found = fit(data[2] + noise + flashes, torch.ones(80), start, same, clip, sweeps=100, tolerance=1e-6)
        error.append(float((found.images @ found.courses - data[2])[8:].norm() / data[2][8:].norm()))
    assert error[0] < 0.03 and error[0] < 0.2 * error[1]


def test_points_without_precision_say_nothing(data):
    precision = torch.ones(80)
    precision[:20] = 0
    spoilt = data[2].clone()
    spoilt[:20] = 1e3 * torch.randn(20, 200, generator=torch.Generator().manual_seed(0))
    found = fit(spoilt, precision, data[0], same, 3.0, 50)
    clean = fit(data[2], precision, data[0], same, 3.0, 50)
    assert float((found.courses.abs() - clean.courses.abs()).norm() / clean.courses.norm()) < 1e-3


def test_ordered_factors_are_orthogonal_and_give_the_same_product(data):
    precision = torch.linspace(0.5, 2, 80)
    found = ordered(data[0], data[1], precision, 1.0)
    assert torch.allclose(found.images @ found.courses, data[2], atol=1e-3)
    assert torch.allclose(found.images.T @ (precision[:, None] * found.images), torch.eye(3), atol=1e-4)
    gram = found.courses @ found.courses.T
    assert float((gram - gram.diag().diag()).abs().max()) < 1e-3 * float(gram.max())
    assert bool((gram.diag().diff() < 0).all())
    assert bool((precision @ found.images > 0).all())


@pytest.mark.parametrize(("points", "frames"), [(2, 50), (50, 2)])
def test_more_images_than_points_or_frames(points, frames):
    rng = np.random.default_rng(0)
    images, courses = (torch.from_numpy(rng.standard_normal(s).astype(np.float32)) for s in ((points, 3), (3, frames)))
    found = ordered(images, courses, torch.ones(points), 1.0)
    assert torch.allclose(found.images @ found.courses, images @ courses, atol=1e-4)


def test_solve_is_least_squares(data):
    assert torch.allclose(solve(data[0], data[2]), data[1], atol=1e-4)
    assert torch.isfinite(solve(torch.zeros(5, 2), torch.ones(5, 4))).all()


def test_huber_cuts_departures():
    assert huber(torch.tensor([0.0, 5.0, -9.0]), torch.tensor([0.5, 1.0, 1.0]), 2.0).tolist() == [0.0, 3.0, -1.0]


def test_courses_of_known_images_ignore_a_few_points(data):
    spoilt = data[2].clone()
    spoilt[:4, 50] += 200.0
    found = project(data[0], spoilt, torch.ones(80), 1.0, sweeps=50)
    plain = solve(data[0], spoilt)
    truth = data[1][:, 50]
    assert float((found[:, 50] - truth).norm()) < 0.1 * float((plain[:, 50] - truth).norm())


def test_correlations_are_those_of_what_stronger_courses_leave(data):
    left = data[2] + torch.from_numpy(np.random.default_rng(4).standard_normal((80, 200)).astype(np.float32))
    left -= left.mean(dim=1, keepdim=True)
    found = ordered(data[0], data[1], torch.ones(80), 1.0)
    got = correlations(left, found, torch.zeros(80)).numpy()
    for k in range(3):
        expected = [np.corrcoef(left[q], found.courses[k])[0, 1] for q in range(80)]
        assert np.allclose(got[:, k], expected * found.images[:, k].sign().numpy(), atol=1e-3)
        left -= torch.outer(found.images[:, k], found.courses[k])


def test_cosines_are_orthogonal_and_begin_with_a_constant():
    images = cosines((6, 9), 5)
    gram = images.T @ images
    assert np.allclose(images[:, 0], 1) and np.allclose(gram, np.diag(np.diag(gram)), atol=1e-4)
    assert cosines((2, 1), 5).shape == (2, 2)  # no more than there are points
