"""What the dimensions of an array mean, and the view that puts them in order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectnmf.errors import UserError
from detectnmf.io.axes import MovieView, lay_out

SIDES = {"T": 11, "Y": 5, "X": 4, "C": 3}


@given(
    order=st.sampled_from(list(permutations("TYXC"))),
    start=st.integers(-15, 15),
    stop=st.integers(-15, 15),
    step=st.sampled_from([1, 2, 7, -1, -3]),
    channel=st.integers(0, 2),
)
def test_any_layout_and_any_slice_are_as_in_numpy(order, start, stop, step, channel):
    plain = np.arange(11 * 5 * 4 * 3).reshape(11, 5, 4, 3)
    array = plain.transpose(["TYXC".index(letter) for letter in order]).astype(">i4")
    asked = "".join(order).replace("C", f"C{channel}")
    view = MovieView(array, lay_out(array.shape, "", asked, "movie"))
    piece = view[start:stop:step]
    assert view.shape == (11, 5, 4)
    assert np.array_equal(piece, plain[start:stop:step, :, :, channel])
    assert piece.dtype == np.dtype("i4") and piece.flags.c_contiguous and piece.flags.writeable


@pytest.mark.parametrize(
    ("shape", "known", "order", "taken"),
    [
        ((9, 8, 7), "", (0, 1, 2), {}),
        ((9, 1, 8, 7), "", (0, 2, 3), {1: 0}),
        ((9, 8, 7), "TYX", (0, 1, 2), {}),
        ((9, 8, 7), "QYX", (0, 1, 2), {}),
        ((8, 7, 9), "YXT", (2, 0, 1), {}),
        ((9, 1, 1, 8, 7), "TZCYX", (0, 3, 4), {1: 0, 2: 0}),
        ((1, 1, 8, 7), "ZTYX", (1, 2, 3), {0: 0}),  # one frame: whether that is enough is decided elsewhere
        ((1, 8, 7), "", (0, 1, 2), {}),
    ],
)
def test_axes_that_the_file_names(shape, known, order, taken):
    layout = lay_out(shape, known, None, "movie")
    assert (layout.order, layout.taken, layout.notes) == (order, taken, ())


def test_a_stack_in_depth_is_taken_for_time_with_a_word():
    assert lay_out((1, 900, 1, 8, 7), "TZCYX", None, "movie").order == (1, 3, 4)
    layout = lay_out((900, 8, 7), "ZYX", None, "movie")
    assert layout.order == (0, 1, 2)
    assert layout.notes == ("The file says that its 900 images differ in depth (ZYX); they were read as frames in time.",)


@pytest.mark.parametrize(
    ("shape", "known", "message"),
    [
        ((8, 7, 3), "YXS", r"a single colour image \(YXS, 8 × 7 × 3\); a movie needs frames: if these are frames, give axes=YXT"),
        ((9, 8, 7, 3), "TYXS", r"axes TYXS of 9 × 8 × 7 × 3; .* take one colour: channel=0, channel=1, channel=2"),
        ((9, 2, 8, 7), "TCYX", r"take one channel: channel=0 or channel=1$"),
        ((9, 2, 8, 7), "ZCYX", r"take one channel: channel=0 or channel=1$"),
        ((9, 4, 2, 8, 7), "TZCYX", r"take one plane: plane=0, plane=1, plane=2, plane=3 and one channel: channel=0 or channel=1$"),
        ((9, 20, 8, 7), "TZYX", r"take one plane: plane=0, plane=1, ..., plane=19$"),
        ((9, 4, 8, 7), "TIYX", r"take one index of I, as in axes=TI0YX$"),
        ((3, 8, 7), "CYX", r"3 channels of a single image \(CYX, 3 × 8 × 7\); .* if these are frames, give axes=TYX"),
        ((9, 8, 7), "TZX", r"axes TZX of 9 × 8 × 7, without rows and columns"),
        ((8, 7), "YX", r"a single image of 8 × 7 px"),
    ],
)
def test_axes_that_make_no_movie_are_refused_with_the_cure(shape, known, message):
    with pytest.raises(UserError, match=message):
        lay_out(shape, known, None, "movie")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("T-X", "is not a list of letters such as TYX"),
        ("TY", "names 2 dimensions, but the array is"),
        ("TCYX", r"leaves 3 in C; take one of them, as in C0"),
        ("TC3YX", r"takes C3, but there are 3, counted from 0"),
        ("ZCYX", "must name T, Y and X once each"),
        ("TTYX", "must name T, Y and X once each"),
        ("T0C0YX", "must name T, Y and X once each, without a number"),
    ],
)
def test_axes_that_cannot_be_are_refused(asked, message):
    with pytest.raises(UserError, match=message):
        lay_out((9, 3, 8, 7), "", asked, "movie")


@pytest.mark.parametrize(
    ("shape", "odd"),
    [((512, 512, 30), True), ((128, 128, 1000), True), ((500, 400, 90), True), ((1248, 33, 29), False), ((500, 64, 64), False)],
)
def test_time_that_looks_like_space_is_told(shape, odd):
    assert any("if time is its last axis, give axes=YXT" in note for note in lay_out(shape, "", None, "movie").notes) == odd
    assert lay_out(shape, "", "TYX", "movie").notes == ()
    assert lay_out(shape, "TYX", None, "movie").notes == ()
