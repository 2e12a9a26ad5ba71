"""Supports, merging, absorbing and deleting against cases drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage, sparse
from toys import toy, traces

from detectnmf.compressed import Compressed
from detectnmf.demix.absorb import absorb
from detectnmf.demix.grams import Target
from detectnmf.demix.merge import cost, merge
from detectnmf.demix.pattern import Pattern
from detectnmf.demix.prune import brightness, doubtful
from detectnmf.demix.supports import dilate, held, islands, residual_correlation, update

SIZE = (20, 40)


def box(x0, x1, y0=5, y1=15, value=1.0):
    image = np.zeros(SIZE, np.float32)
    image[y0:y1, x0:x1] = value
    return image


def columns(*images):
    return sparse.csc_array(np.stack([i.ravel() for i in images], axis=1))


def courses(n, frames=400, seed=0):
    return torch.from_numpy(traces(n, frames, np.random.default_rng(seed), rate=0.02))


def test_dilate_equals_ndimage():
    image = box(10, 14)
    found = dilate(columns(image), SIZE, 2).toarray().reshape(SIZE)
    y, x = np.mgrid[-2:3, -2:3]
    assert (found == ndimage.binary_dilation(image, y**2 + x**2 <= 5)).all()
    edge = dilate(columns(box(38, 40)), SIZE, 2).toarray().reshape(SIZE)
    assert edge[:, :5].sum() == 0  # does not wrap around the border


def test_islands_separates_pieces_and_cells():
    image = box(3, 6) + box(10, 12)
    A = columns(image, box(5, 8), box(38, 40) + box(0, 2))
    cells = np.repeat(np.arange(3), np.diff(A.indptr))
    label = islands(A.indices, cells, SIZE)
    for cell, expected in ((0, 2), (1, 1), (2, 2)):  # the right border does not touch the left one
        assert len(np.unique(label[cells == cell])) == expected
    assert len(np.unique(label)) == 5


def test_residual_correlation_equals_the_dense_one():
    made = toy(size=(32, 32), frames=150, cells=6, seed=2)
    target = Target.of(made.movie, torch.zeros_like(made.movie.V))
    A, C = made.truth.footprints, torch.from_numpy(made.truth.traces)
    pattern = Pattern.of(dilate(A, made.movie.size, 2), made.movie.U)
    found = residual_correlation(target, pattern, pattern.values(A), C, 0.3)
    Y = (made.movie.U @ made.movie.V).double().numpy()
    C = C.double().numpy()
    for k in (0, 3):
        rest = Y - A @ C + A[:, [k]].toarray() @ C[[k]]
        rest -= rest.mean(axis=1, keepdims=True)
        c = C[k] - C[k].mean()
        expected = rest @ c / np.linalg.norm(c) / np.sqrt((rest**2).sum(axis=1) + 0.3**2 * 150)
        mine = pattern.cells == k
        assert np.allclose(found[mine], expected[pattern.pixels[mine]], atol=1e-4)


def test_support_grows_from_a_core_to_the_whole_cell_and_no_further():
    made = toy(size=(40, 40), frames=500, cells=3, diameter=12, seed=4)
    target = Target.of(made.movie, torch.zeros_like(made.movie.V))
    images = made.truth.images()
    A, C = columns(*np.where(images > 0.85, images, 0)), torch.from_numpy(made.truth.traces)
    good = np.ones(1600, bool)
    good[820:840] = False
    for _ in range(4):
        grown = update(target, A, C, made.movie.size, good, 0.6, 3, 18, 0.1, 0.6).footprints
        pattern = Pattern.of(grown, made.movie.U)
        values = np.asarray(made.truth.footprints[pattern.pixels, pattern.cells], np.float32).ravel()  # as the spatial step would find
        A = pattern.matrix(torch.from_numpy(values))
    for k in range(3):
        mine, true = A[:, [k]].toarray().ravel() > 0, (images[k].ravel() > 0.1) & good
        assert (mine & true).sum() / (mine | true).sum() > 0.8
    assert A.toarray()[820:840].sum() == 0  # bad pixels stay out


def test_growth_and_extent_are_limited():
    bar = np.zeros((1, 40, 40), np.float32)
    bar[:, 18:23] = 1
    made = toy(size=(40, 40), frames=300, images=bar, courses=courses(1, 300).numpy())
    target = Target.of(made.movie, torch.zeros_like(made.movie.V))
    core = np.zeros((1600, 1), np.float32)
    core[20 * 40 + 20] = 1
    once = update(target, sparse.csc_array(core), torch.from_numpy(made.truth.traces), (40, 40), np.ones(1600, bool), 0.5, 3, 99, 0.1, 0.5)
    y, x = np.divmod(once.footprints.indices, 40)
    assert np.hypot(y - 20, x - 20).max() <= np.hypot(3, 1) + 1e-6
    A = once.footprints
    for _ in range(8):
        A.data[:] = 1
        A.data[A.indices == 20 * 40 + 20] = 2  # the peak
        A = update(target, A, torch.from_numpy(made.truth.traces), (40, 40), np.ones(1600, bool), 0.5, 3, 6, 0.1, 0.5).footprints
    y, x = np.divmod(A.indices, 40)
    assert 6 <= np.hypot(y - 20, x - 20).max() <= np.hypot(6, 1) + 1e-6


def test_what_the_surroundings_do_too_is_no_part_of_the_cell():
    """A cell in tissue that fires with it grows over all of it where correlation alone decides; so does one on black, over itself alone."""
    y, x = np.mgrid[:40, :40]
    cell, c = (np.hypot(y - 20, x - 20) < 5).astype(np.float32), courses(1, 300).numpy()[0]
    own = np.random.default_rng(1).standard_normal((1600, 300)).astype(np.float32) * 0.2
    for tissue in (0.0, 0.15):
        frames = np.outer((cell + tissue).ravel(), c) + own
        movie = Compressed.from_factors(np.eye(1600, dtype=np.float32), frames, np.ones((40, 40)))
        target = Target.of(movie, torch.zeros_like(movie.V))
        A = sparse.csc_array(cell.reshape(-1, 1))
        for _ in range(4):
            A = update(target, A, torch.from_numpy(c[None]), (40, 40), np.ones(1600, bool), 0.6, 3, 9, 0.1, 0.1).footprints
            A.data[:] = 1
        assert A.nnz <= 1.2 * cell.sum()


def test_a_cell_reaches_half_as_far_where_its_surroundings_respond_alike():
    """A bar that answers with the cell is its dendrite in the dark; in tissue that answers too it is another cell, and goes."""
    y, x = np.mgrid[:40, :40]
    c = courses(1, 300).numpy()
    cell = ((np.hypot(y - 20, x - 12) < 4) | ((abs(y - 20) < 2) & (x >= 12) & (x < 23))).astype(np.float32)
    own = np.random.default_rng(1).standard_normal((1600, 300)).astype(np.float32) * 0.2
    reached = []
    for tissue in (0.0, 0.1):
        movie = Compressed.from_factors(np.eye(1600, dtype=np.float32), np.outer((cell + tissue).ravel(), c) + own, np.ones((40, 40)))
        seed = (cell * (1 + (np.hypot(y - 20, x - 12) < 1))).reshape(-1, 1)  # the peak is in the soma
        A = update(
            Target.of(movie, torch.zeros_like(movie.V)),
            sparse.csc_array(seed),
            torch.from_numpy(c),
            (40, 40),
            np.ones(1600, bool),
            0.6,
            3,
            12,
            0.1,
            0.1,
        ).footprints
        reached.append((A.indices % 40).max())
    assert reached[0] == 22 and 16 <= reached[1] <= 12 + 6


def test_cost_is_the_second_singular_value():
    rng = np.random.default_rng(0)
    a, c = rng.random((50, 2)), rng.standard_normal((2, 300))
    c -= c.mean(axis=1, keepdims=True)
    loss, weights = cost(a.T @ a, c @ c.T)
    _, values, right = np.linalg.svd(a @ c, full_matrices=False)
    weaker = min((a[:, i] @ a[:, i]) * (c[i] @ c[i]) for i in range(2))
    assert loss == pytest.approx(values[1] ** 2 / weaker, rel=1e-4)
    joint = weights * np.linalg.norm(a, axis=0) @ c
    assert abs(joint @ right[0]) == pytest.approx(np.linalg.norm(joint), rel=1e-3)


def test_two_halves_of_a_cell_are_merged():
    c = courses(1)
    noisy = torch.cat([c, c]) + 0.2 * torch.from_numpy(np.random.default_rng(1).standard_normal((2, 400)).astype(np.float32))
    A = columns(box(10, 15), box(15, 20, value=0.5))
    found = merge(A, noisy, SIZE, 0.8, 0.15, 0.9)
    assert found.pairs == 1 and found.origin.tolist() == [0]
    a, joint = found.footprints.toarray().ravel(), found.C[0].numpy()
    assert np.corrcoef(joint, c[0].numpy())[0, 1] > 0.98
    expected = (box(10, 15) + box(15, 20, value=0.5)).ravel()
    assert a @ expected / np.linalg.norm(a) / np.linalg.norm(expected) > 0.99
    before, after = A @ noisy.numpy(), found.footprints @ found.C.numpy()
    lost = np.linalg.norm((before - before.mean(1, keepdims=True)) - (after - after.mean(1, keepdims=True)))
    assert lost**2 < 0.15 * np.linalg.norm(before) ** 2


def test_distinct_overlapping_cells_are_not_merged():
    c = courses(2, seed=1)
    assert abs(np.corrcoef(c.numpy())[0, 1]) < 0.5
    assert merge(columns(box(10, 18), box(13, 21)), c, SIZE, 0.8, 0.15, 0.9).pairs == 0


def test_far_cells_with_one_trace_are_not_merged():
    assert merge(columns(box(2, 8), box(30, 36)), courses(1).repeat(2, 1), SIZE, 0.8, 0.15, 0.9).pairs == 0


def test_a_chain_whose_ends_never_meet_is_not_merged():
    ends = courses(2, seed=2)
    middle = (ends[0] + ends[1])[None] / 2
    A, C = columns(box(5, 11), box(10, 16), box(15, 21)), torch.cat([ends[:1], middle, ends[1:]])
    joined = merge(A, C, SIZE, 0.6, 0.15, 0.9)  # even where the correlation would allow it
    assert joined.pairs == 0


def test_duplicates_are_merged():
    c = courses(1)
    noise = torch.from_numpy(np.random.default_rng(3).standard_normal((2, 400)).astype(np.float32))
    twins = torch.cat([0.5 * c, 0.5 * c]) + 0.6 * noise  # two estimates of one cell share the signal, not the noise
    assert np.corrcoef(twins.numpy())[0, 1] < 0.8
    assert merge(columns(box(10, 18), box(10, 18, value=0.9)), twins, SIZE, 0.8, 0.15, 0.9).pairs == 1


def test_a_mixture_of_its_neighbours_is_absorbed_and_a_cell_is_not():
    c = courses(3, seed=5)
    mixture = (0.5 * c[0] + 0.3 * c[1])[None]
    A = columns(box(5, 15), box(17, 27), box(15, 17), box(26, 36))
    C = torch.cat([c[:2], mixture, c[2:]])
    found = absorb(A, C, C, torch.zeros(4), SIZE, 0.1, 3, np.inf)
    assert found.pairs == 1 and found.origin.tolist() == [0, 1, 3]
    assert np.allclose(found.footprints @ found.C.numpy(), A @ C.numpy(), atol=1e-3)


def test_a_fragment_apart_is_handed_back_but_for_its_noise():
    """A dim dendrite that does not touch its soma; noise makes half of its energy. The same far away, or of another cell, stays.

    Farther off goes what is weaker, and more surely of that cell.
    """
    rng = np.random.default_rng(0)
    c = courses(2, 2000, seed=1)
    flicker = 0.7 * (0.2 * c[0]).std() * torch.from_numpy(rng.standard_normal(2000).astype(np.float32))
    C = torch.cat([c, (0.2 * c[0] + flicker)[None]])
    noise = torch.stack([torch.zeros(()), torch.zeros(()), flicker.std()])
    for fragment, reach, size, gone in (
        (box(12, 15), 4, 1, True),
        (box(38, 40), 3, 1, False),
        (box(14, 18), 1, 3, False),
        (box(14, 18), 1, 1, True),
    ):
        A = columns(box(2, 10), box(22, 30), size * fragment)
        found = absorb(A, C, C, noise, SIZE, 0.1, reach, np.inf)
        assert (found.pairs == 1) is gone
    found = absorb(columns(box(2, 10), box(22, 30), box(12, 15)), C, C, noise, SIZE, 0.1, 4, np.inf)
    assert found.footprints[:, [0]].toarray().reshape(SIZE)[10, 13] == pytest.approx(0.2, rel=0.05)
    other = torch.cat([c, (0.2 * c[0] + 0.1 * c[1] + flicker)[None]])
    assert absorb(columns(box(2, 10), box(22, 30), box(12, 15)), other, other, noise, SIZE, 0.1, 4, np.inf).pairs == 0


def test_what_is_as_large_as_a_cell_goes_at_a_quarter_of_the_price():
    """Neighbours that explain 95 % of a fragment take it; of a whole cell, in a tissue that responds as one, they must explain more."""
    c = courses(3, 2000, seed=1)
    for own, gone in ((0.22, (True, False)), (0.1, (True, True))):
        C = torch.stack([c[0], c[1], 0.5 * c[0] + 0.5 * c[1] + own * c[2]])
        A = columns(box(2, 10), box(18, 26), 0.5 * box(9, 19))
        for disc, wanted in zip((1000.0, 100.0), gone, strict=True):
            assert (absorb(A, C, C, torch.zeros(3), SIZE, 0.2, 4, disc).pairs == 1) is wanted


def test_a_seed_keeps_its_faint_pixels_and_pieces():
    """A present pixel stays at a low correlation at which no new one would come in; a piece without present pixels does not."""
    made = toy(size=(40, 40), frames=500, cells=6, diameter=12, seed=4)
    target = Target.of(made.movie, torch.zeros_like(made.movie.V))
    A, C, good = sparse.csc_array(made.truth.footprints), torch.from_numpy(made.truth.traces), np.ones(1600, bool)
    tight = update(target, A, C, made.movie.size, good, 0.95, 1, 18, 0.1, 0.95).footprints
    kept = update(target, A, C, made.movie.size, good, 0.95, 1, 18, 0.1, 0.1).footprints
    assert tight.multiply(A > 0).nnz < 0.85 * A.nnz
    assert kept.multiply(A > 0).nnz > 0.97 * A.nnz
    pixels, cells = np.array([3, 4, 8, 9, 20]), np.zeros(5, np.int64)
    assert held(pixels, cells, np.array([True, False, False, False, True]), (1, 40)).tolist() == [True, True, False, False, True]


def test_deletion_names_the_right_cells():
    rng = np.random.default_rng(0)
    bright, dim = courses(1, 2000), 0.02 * torch.from_numpy(rng.random((1, 2000)).astype(np.float32))
    A = columns(box(2, 8), box(10, 16), box(18, 19, 5, 6), box(20, 26), box(0, 40, 0, 20))
    C = torch.cat([bright, dim, bright, bright, bright])
    peak = np.array([0.9, 0.9, 0.9, 0.1, 0.9])
    assert doubtful(A, C, peak, 0.2, 3.0, (3, 300)).tolist() == [False, True, True, True, True]
    std = np.where(A[:, [0]].toarray().ravel() > 0, 1.0, 1e-3)  # the large one's dendrites lie on black, its soma does not
    assert doubtful(A, C, np.full(5, 0.9), 0.2, 3.0, (3, 300), std).tolist() == [False, True, True, False, False]


def test_brightness_of_white_noise_is_its_quantile():
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 20000)).astype(np.float32)) / 8
    A = columns(box(10, 18, 5, 13))  # 64 px: ‖a‖ = 8
    assert brightness(A, noise)[0] == pytest.approx(2.576, rel=0.05)
