"""PMD against movies whose clean version, noise and missing samples are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from detectnmf.compress.blocks import Blocks
from detectnmf.compress.pmd import PMD
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime

QUIET = Runtime(device="cpu", max_memory=1.0, quiet=True)
NOISE = 4.0


def cells_movie(frames: int = 600, size: tuple[int, int] = (48, 56), cells: int = 14, seed: int = 0) -> NDArray[np.float32]:
    """Gaussian cells with decaying transients on a constant, without noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    movie = np.full((frames, *size), 100.0, np.float32)
    for _ in range(cells):
        row, column = rng.uniform(4, size[0] - 4), rng.uniform(4, size[1] - 4)
        shape = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 3.0**2))
        trace = np.zeros(frames)
        for t in range(1, frames):
            trace[t] = 0.94 * trace[t - 1] + (rng.random() < 0.015) * rng.uniform(0.5, 1)
        movie += (8 * NOISE * trace[:, None, None] * shape).astype(np.float32)
    return movie


@pytest.fixture(scope="module")
def clean() -> NDArray[np.float32]:
    return cells_movie()


@pytest.fixture(scope="module")
def noisy(clean: NDArray[np.float32]) -> NDArray[np.float32]:
    return (clean + NOISE * np.random.default_rng(1).standard_normal(clean.shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(400, 40, 60), (3500, 32, 32), (60, 50, 50)])
def test_white_noise_has_rank_zero(shape: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(3).normal(50, 3, shape).astype(np.float32)
    movie = PMD()(Recording(noise), QUIET)
    assert movie.rank == 0
    assert np.median(movie.std) == pytest.approx(3, rel=0.1 if shape[0] < 100 else 0.03)


def test_denoises_far_below_the_noise_and_below_any_running_mean(clean: NDArray[np.float32], noisy: NDArray[np.float32]) -> None:
    movie = PMD()(Recording(noisy), QUIET)
    error = np.std(movie[:] - clean)
    windows = [np.std(_running_mean(noisy, n) - clean) for n in (1, 3, 5, 9, 15, 25)]
    assert error < 0.2 * NOISE
    assert error < min(windows)
    assert np.median(movie.std) == pytest.approx(NOISE, rel=0.02)


def test_close_to_the_best_local_approximation(clean: NDArray[np.float32], noisy: NDArray[np.float32]) -> None:
    """Against projecting on the clean movie's own local bases, at the rank that hindsight finds best."""
    movie = PMD()(Recording(noisy), QUIET)
    blocks = Blocks.cover(clean.shape[1:], 32)
    flat, truth = (m.reshape(len(m), -1) - 100 for m in (noisy, clean))
    total, weight = np.zeros_like(flat), np.zeros(flat.shape[1])
    for pixels in blocks.pixels():
        basis = np.linalg.svd(truth[:, pixels], full_matrices=False)[2]
        ranks = [basis[:k].T @ basis[:k] for k in range(12)]
        best = min(ranks, key=lambda p: float(np.sum((flat[:, pixels] @ p - truth[:, pixels]) ** 2)))
        total[:, pixels] += blocks.pyramid() * (flat[:, pixels] @ best)
        weight[pixels] += blocks.pyramid()
    oracle = np.std(total / weight - truth)
    assert np.std(movie[:] - clean) < 1.35 * oracle  # few frames and few cells: there is little to tell noise from


def test_indexing_agrees_with_the_factors(noisy: NDArray[np.float32]) -> None:
    movie = PMD()(Recording(noisy[:200]), QUIET)
    dense = movie.mean + movie.std * (movie.U @ movie.V).T.numpy().reshape(movie.shape)
    assert np.allclose(movie[:], dense, atol=1e-3)
    assert np.allclose(movie[7], dense[7], atol=1e-3)
    assert np.allclose(movie[3:9, 5:10, -2], dense[3:9, 5:10, -2], atol=1e-3)
    assert np.allclose(movie[np.array([4, 190])], dense[[4, 190]], atol=1e-3)


def test_local_bases_are_orthonormal_and_blended_weights_sum_to_one(noisy: NDArray[np.float32]) -> None:
    movie = PMD()(Recording(noisy[:300]), QUIET)
    assert movie.U_local is not None
    local, blended = movie.U_local.csr, movie.U.csr
    norms = np.sqrt(np.asarray(local.multiply(local).sum(0)).ravel())
    assert np.allclose(norms, 1, atol=1e-4)
    blocks = Blocks.cover((48, 56), 32)
    owner = [frozenset(local.T.tocsr()[[k]].indices) for k in range(movie.rank)]
    total = np.zeros(48 * 56)
    for pixels in blocks.pixels():
        columns = [k for k, support in enumerate(owner) if support <= set(pixels.tolist())]
        if columns:
            k = columns[0]
            image = local[:, [k]].toarray().ravel()[pixels]
            total[pixels] += blended[:, [k]].toarray().ravel()[pixels] / np.where(image == 0, np.inf, image)
    covered = total > 0
    assert np.allclose(total[covered], 1, atol=1e-3)


def test_the_disk_is_read_twice(noisy: NDArray[np.float32]) -> None:
    class Counting:
        shape, dtype = noisy.shape, noisy.dtype
        frames = 0

        def __getitem__(self, index: slice) -> NDArray[np.float32]:
            self.frames += len(noisy[index])
            return noisy[index]

    source = Counting()
    PMD()(Recording(source), QUIET)
    assert source.frames == 2 * len(noisy)


def test_chunks_hardly_matter(clean: NDArray[np.float32], noisy: NDArray[np.float32]) -> None:
    whole = PMD()(Recording(noisy), QUIET)
    pieces = PMD()(Recording(noisy), Runtime(device="cpu", max_memory=0.002, quiet=True))
    assert pieces.rank == pytest.approx(whole.rank, rel=0.05)
    errors = [np.std(movie[:] - clean) for movie in (whole, pieces)]
    assert errors[1] == pytest.approx(errors[0], rel=0.05)


def test_a_second_run_is_bit_equal(noisy: NDArray[np.float32]) -> None:
    first, second = (PMD()(Recording(noisy), QUIET) for _ in range(2))
    assert torch.equal(first.V, second.V)
    assert np.array_equal(first.U.csr.data, second.U.csr.data)


@pytest.mark.parametrize(("knob", "value"), [("block", 0), ("max_rank", 0), ("percentile", 150.0), ("oversample", -1)])
def test_senseless_knobs_are_refused(knob: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"compress\.{knob} must be"):
        PMD(**{knob: value})


class TestMissing:
    """Missing samples are masked, not filled with zeros."""

    def test_bad_pixels_and_frames(self, clean: NDArray[np.float32], noisy: NDArray[np.float32]) -> None:
        holed = noisy.copy()
        holed[:, 10:13, 20:24] = np.nan
        holed[100:104] = np.nan
        movie = PMD()(Recording(holed), QUIET)
        assert movie.bad_pixels is not None and movie.bad_frames is not None
        assert movie.bad_pixels.sum() == 12 and movie.bad_pixels[10:13, 20:24].all()
        assert np.flatnonzero(movie.bad_frames).tolist() == [100, 101, 102, 103]
        good = ~movie.bad_pixels
        error = (movie[:] - clean)[~movie.bad_frames][:, good]
        assert np.std(error) < 0.25 * NOISE

    def test_scattered_samples(self, clean: NDArray[np.float32], noisy: NDArray[np.float32]) -> None:
        holed = noisy.copy()
        holed[np.random.default_rng(5).random(holed.shape) < 0.02] = np.nan
        movie = PMD()(Recording(holed), QUIET)
        assert movie.bad_pixels is not None and not movie.bad_pixels.any()
        assert np.std(movie[:] - clean) < 0.25 * NOISE

    def test_saturated_samples_of_integers_count_as_missing(self) -> None:
        movie = np.clip(cells_movie(300) + NOISE * np.random.default_rng(2).standard_normal((300, 48, 56)), 0, 254).astype(np.uint8)
        movie[:, 5, 5] = 255
        compressed = PMD()(Recording(movie), QUIET)
        assert compressed.bad_pixels is not None
        assert np.argwhere(compressed.bad_pixels).tolist() == [[5, 5]]

    def test_constant_pixels(self, noisy: NDArray[np.float32]) -> None:
        movie = noisy.copy()
        movie[:, :6] = 12.5
        compressed = PMD()(Recording(movie), QUIET)
        assert compressed.bad_pixels is not None
        assert compressed.bad_pixels[:6].all() and not compressed.bad_pixels[6:].any()
        assert np.all(compressed[:][:, :6] == 12.5)

    def test_nothing_usable_gives_rank_zero(self) -> None:
        for movie in (np.full((50, 40, 40), np.nan, np.float32), np.full((50, 40, 40), 7, np.uint8)):
            compressed = PMD()(Recording(movie), QUIET)
            assert compressed.rank == 0
            assert compressed.bad_pixels is not None and compressed.bad_pixels.all()


def test_candidates_that_exceed_the_budget_go_to_disk(noisy: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    opened = []
    original = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *a: opened.append(1) or original(*a))
    small = PMD()(Recording(noisy), Runtime(device="cpu", max_memory=0.0002, quiet=True))
    assert opened and small.rank > 0


def _running_mean(movie: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(movie, window, axis=0))
