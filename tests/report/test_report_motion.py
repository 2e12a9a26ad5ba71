"""The section on motion: shown where the movie was registered, with what was masked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectnmf.registration import Registration
from detectnmf.report.motion import courses, means, motion
from detectnmf.report.page import report_page


@pytest.fixture(params=[(1, 1), (3, 4)], ids=["rigid", "bent"])
def found(request, result) -> Registration:
    frames, rows, columns = result.shape
    rng = np.random.default_rng(0)
    shifts = np.broadcast_to(rng.normal(5, 1, (frames, 1, 1, 2)), (frames, *request.param, 2)).astype(np.float32)
    flag = np.full(frames, "ok", "<U7")
    flag[7], flag[9] = "lost", "edge"
    shifts = np.where((flag == "ok")[:, None, None, None], shifts, np.nan)
    image = np.linspace(0, 1, rows * columns, dtype=np.float32).reshape(rows, columns)
    after = image.copy()
    after[0] = np.nan
    return Registration(shifts, np.full(frames, 0.8, np.float32), np.full(frames, 0.3, np.float32), flag, image, image, after)


def test_the_page_says_how_the_movie_moved(result, found):
    text = report_page(replace(result, registration=found))
    assert "<h2>Motion</h2>" in text and "2 frames were masked (1 show nothing of what the others show; 1 have moved further" in text
    assert ("range over the field" in text) == (found.shifts.shape[1] > 1)
    assert "<h2>Motion</h2>" not in report_page(result)


def test_nothing_is_drawn_where_no_frame_was_found(result, found):
    assert motion(replace(result, registration=replace(found, flag=np.full(len(found), "lost")))) == ""


def test_shifts_are_drawn_from_their_median_with_gaps(result, found):
    above, below = courses(found, 10.0).axes
    down, right = above.lines
    drawn = np.asarray(down.get_ydata(), float)
    assert np.isnan(drawn[[7, 9]]).all() and abs(np.nanmedian(drawn)) < 1e-6
    assert np.allclose(drawn + np.nanmedian(found.whole[:, 0]), found.whole[:, 0], equal_nan=True, atol=1e-5)
    before, after = (np.asarray(line.get_ydata(), float) for line in below.lines)
    assert np.nanmax(before) == pytest.approx(0.3) and np.nanmin(after) == pytest.approx(0.8)
    assert len(above.collections) == (2 if found.shifts.shape[1] > 1 else 0)
    assert right.get_label() == "right"


def test_a_jerk_in_a_long_recording_is_drawn(found):
    frames = 20_000
    shifts = np.zeros((frames, 1, 1, 2), np.float32)
    shifts[12_345, 0, 0, 0] = 9
    long = replace(
        found, shifts=shifts, flag=np.full(frames, "ok"), agreement=np.ones(frames, np.float32), before=np.ones(frames, np.float32)
    )
    line = courses(long, 10.0).axes[0].lines[0]
    assert len(line.get_ydata()) < 3000 and np.max(line.get_ydata()) == 9


def test_both_means_have_one_scale(found):
    first, second = (axes.images[0] for axes in means(found).axes[::2])
    assert np.isfinite(second.get_array()).all()
    assert first.get_array().max() == pytest.approx(second.get_array().max())
