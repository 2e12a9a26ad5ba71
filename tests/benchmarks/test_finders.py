"""The finders that the detector is compared with, on drawn movies."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from finders import brightest, greedy_gaussian, scores

from detectnmf.components import Components
from detectnmf.compressed import Compressed
from detectnmf.detect.select import select
from detectnmf.runtime import Runtime

PLACES = ((12, 12), (12, 40), (38, 26))


def discs(*places: tuple[int, int], radius: float = 5.0) -> np.ndarray:
    y, x = np.indices((52, 52))
    return np.array([np.hypot(y - row, x - column) <= radius for row, column in places], np.float32)


@pytest.fixture
def movie() -> Compressed:
    rng = np.random.default_rng(0)
    temporal = (rng.random((3, 80)) < 0.1) * rng.uniform(2, 6, (3, 80))
    return Compressed.from_factors(discs(*PLACES).reshape(3, -1).T, temporal, np.zeros((52, 52), np.float32), U_local=None)


def test_greedy_finds_discs(movie: Compressed) -> None:
    found = greedy_gaussian(movie, 10.0, 3)
    wanted = discs(*PLACES).reshape(3, -1)
    images = found.images().reshape(3, -1)
    alike = images @ wanted.T / np.linalg.norm(images, axis=1)[:, None] / np.linalg.norm(wanted, axis=1)
    assert sorted(alike.argmax(1).tolist()) == [0, 1, 2] and alike.max(1).min() > 0.99


def test_scores_by_hand() -> None:
    """Two of three cells found, one of them twice, one seed nowhere; a dim cell's seed is set aside."""
    truth = SimpleNamespace(cells=Components.from_images(discs(*PLACES)), quality={"snr": np.array([9.0, 4.0, 1.5])})
    movie = SimpleNamespace(std=np.ones((52, 52), np.float32), size=(52, 52))
    case = SimpleNamespace(truth=truth, movie=movie)
    found = Components.from_images(discs((12, 12), (13, 12), (38, 27), (46, 6)))
    row = scores(found, case, 3.0)  # type: ignore[arg-type]
    assert (row["true"], row["hits"], row["false"]) == (2, 1, 2)
    assert row["found"] == [True, False] and row["right"] == [True, False, False] and row["snr"] == [9.0, 4.0]
    assert scores(found, case, 0.0)["hits"] == 2  # type: ignore[arg-type]


def test_the_brightest_frames_of_each_patch(movie: Compressed) -> None:
    runtime = Runtime(device="cpu", max_memory=0.5, quiet=True)
    tiles = select(movie, 12.0, 1, runtime)
    chosen = brightest(movie, tiles, 12.0, 2)
    frames = movie.frames(slice(None)).T.reshape(-1, 52, 52).numpy()
    assert frames.max((1, 2)).argmax() in np.concatenate(chosen.frames)
    assert sum(len(frames) for frames in chosen.frames) <= 2 * 9
