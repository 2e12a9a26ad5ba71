"""Frames and tiles chosen on movies whose bright frames are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectnmf.compressed import Compressed
from detectnmf.detect.context import Views
from detectnmf.detect.network import CROP
from detectnmf.detect.select import FLOOR, cover, resize, select
from detectnmf.runtime import Runtime

QUIET = Runtime(device="cpu", max_memory=0.5, quiet=True)


def flashes(size: tuple[int, int], frames: int, events: list[tuple[int, int, int, float]]) -> Compressed:
    """A square of three pixels at (row, column) lit in frame t with a level."""
    spatial = np.zeros((size[0] * size[1], len(events)), np.float32)
    temporal = np.zeros((len(events), frames), np.float32)
    for k, (t, row, column, level) in enumerate(events):
        image = np.zeros(size, np.float32)
        image[row : row + 3, column : column + 3] = 1
        spatial[:, k] = image.ravel()
        temporal[k, t] = level
    return Compressed.from_factors(spatial, temporal, np.zeros(size, np.float32))


def test_a_dim_place_is_seen_beside_one_that_is_always_brighter() -> None:
    """Thirty bright flashes, of which one shows all there is to see, and one dim flash in another place."""
    bright = [(t, 5, 5, 100.0 + t) for t in range(0, 60, 2)]
    movie = flashes((80, 80), 60, [*bright, (31, 70, 70, 5.0)])
    assert select(movie, 4.0, 1, QUIET).frames[0].tolist() == [58]
    assert 31 in np.concatenate(select(movie, 4.0, 1, QUIET).frames)


def test_cover_by_hand() -> None:
    """Three places; frame 2 shows two of them at their best, frame 6 the third; frame 4 two of them a little worse: a second look."""
    levels = np.zeros((9, 3), np.float32)
    levels[2], levels[4], levels[6] = (10, 10, 0), (9, 0, 9), (0, 0, 10)
    assert cover(levels, 1, 0.5).tolist() == cover(levels, 1, 0.05).tolist() == [2, 6]
    assert cover(levels, 2, 0.5).tolist() == [2, 4, 6]
    assert cover(levels, 1, 5.0).tolist() == []


def test_cover_is_greedy() -> None:
    """The lazy choice equals the plain one, which computes every gain every time."""
    rng = np.random.default_rng(3)
    levels = (rng.random((120, 40)) ** 8 * 20).astype(np.float32)
    relative = levels / (levels.max(0) + FLOOR)
    peak = relative >= 0.25
    peak[1:] &= relative[1:] >= relative[:-1]
    peak[:-1] &= relative[:-1] > relative[1:]
    left, shown, chosen = set(np.flatnonzero(peak.any(1)).tolist()), np.zeros(40, np.float32), []
    while left:
        best = max(sorted(left), key=lambda t: np.maximum(relative[t] - shown, 0).sum())
        if np.maximum(relative[best] - shown, 0).sum() < 1.0:
            break
        chosen.append(best)
        left.remove(best)
        shown = np.maximum(shown, relative[best])
    assert cover(levels, 1, 1.0).tolist() == sorted(chosen)


def test_neighbouring_frames_of_one_event_are_shown_once() -> None:
    movie = flashes((20, 20), 30, [(9, 8, 8, 1.0), (10, 8, 8, 3.0), (11, 8, 8, 2.0), (20, 8, 8, 2.5)])
    assert select(movie, 4.0, 5, QUIET).frames[0].tolist() == [10, 20]


@pytest.mark.parametrize(("size", "diameter"), [((30, 44), 12.0), ((200, 90), 12.0), ((64, 64), 4.0), ((33, 29), 3.0), ((150, 260), 25.0)])
def test_tiles_cover_the_field_and_show_the_movie(size: tuple[int, int], diameter: float) -> None:
    rng = np.random.default_rng(0)
    frame = rng.random(size).astype(np.float32)
    movie = Compressed.from_factors(frame.reshape(-1, 1), np.eye(1, 12, 4, dtype=np.float32), np.zeros(size, np.float32))
    selection = select(movie, diameter, 3, QUIET)
    views = Views.of(movie, movie, QUIET)
    seen = np.zeros(size)
    for tile, (top, left) in enumerate(selection.corners):
        shown = views.tile(selection, tile, np.array([4]))[0, 0].numpy()
        assert shown.shape == (selection.edge, selection.edge)
        for row in range(0, selection.edge, 7):
            for column in range(0, selection.edge, 7):
                at = (top + row, left + column)
                inside = 0 <= at[0] < size[0] and 0 <= at[1] < size[1]
                assert shown[row, column] == (pytest.approx(frame[at]) if inside else 0)
        seen[max(top, 0) : top + selection.edge, max(left, 0) : left + selection.edge] = 1
    assert seen.all()
    assert selection.edge / diameter == pytest.approx(CROP / 12.0, rel=0.1)


def test_resizing_keeps_the_mean_of_a_smooth_image() -> None:
    ramp = torch.linspace(0, 1, 48).expand(1, 48, 48)
    for edge in (20, 96):
        small = resize(ramp, edge)
        assert small.shape == (1, edge, edge)
        assert float(small.mean()) == pytest.approx(0.5, abs=0.01)
