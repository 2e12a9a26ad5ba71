"""Videos, as miniscopes write them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import detectnmf
from detectnmf.errors import UserError

from . import writers
from .conftest import cut

needs_av = pytest.mark.skipif(find_spec("av") is None, reason="PyAV is not installed (pip install av)")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """(T, Y, X) uint8; each value is another in time."""
    t, y, x = np.ogrid[:23, :48, :64]
    return ((7 * t + 3 * y + x) % 256).astype(np.uint8)


def same(recording, movie):
    assert recording.shape == movie.shape and recording.dtype == movie.dtype
    order = np.random.default_rng(0).permutation(len(movie))
    return (
        np.array_equal(np.concatenate([piece for _, piece in recording.chunks(5)]), movie)
        and np.array_equal(recording[3:20:4], movie[3:20:4])
        and np.array_equal(recording[::-3], movie[::-3])
        and all(np.array_equal(recording[int(t)], movie[t]) for t in order)
        and all(np.array_equal(recording[-1], movie[-1]) for _ in range(2))
    )


@needs_av
@pytest.mark.parametrize("ending", ["avi", "mkv"])
@pytest.mark.parametrize(
    ("codec", "form"), [("ffv1", "gray"), ("rawvideo", "gray"), ("rawvideo", "bgr24"), ("ffv1", "bgr0"), ("ffv1", "gray16le")]
)
def test_lossless_videos_give_their_values(codec, form, ending, frames, tmp_path):
    if (form, ending) == ("bgr24", "mkv"):
        pytest.skip("Matroska holds no such frames")
    movie = frames.astype(np.uint16) * 200 if form == "gray16le" else frames
    writers.video(tmp_path / f"movie.{ending}", movie, codec, form)
    recording = detectnmf.read(tmp_path / f"movie.{ending}")
    assert same(recording, movie)
    assert recording.rate == 20.0
    assert any("playback speed" in note for note in recording.notes)
    assert same(pickle.loads(pickle.dumps(recording)), movie)


@needs_av
@pytest.mark.parametrize(
    ("codec", "form", "ending"), [("mjpeg", "yuvj420p", "avi"), ("mpeg4", "yuv420p", "avi"), ("libx264", "yuv420p", "mkv")]
)
def test_lossy_videos_give_the_same_frames_in_any_order(codec, form, ending, frames, tmp_path):
    t, y, x = np.ogrid[:23, :48, :64]
    smooth = (40 + 5 * t + y + x / 2).astype(np.uint8)
    writers.video(tmp_path / f"movie.{ending}", smooth, codec, form)
    recording = detectnmf.read(tmp_path / f"movie.{ending}")
    decoded = recording[:]
    assert same(recording, decoded)
    means = decoded.mean((1, 2)) - decoded.mean((1, 2))[0]
    assert np.allclose(np.diff(means), np.diff(means).mean(), atol=1.5)  # each frame in its place
    assert any(f"with loss ({codec.removeprefix('lib').replace('x264', 'h264')})" in note for note in recording.notes)


@needs_av
def test_colour_is_a_channel_to_be_chosen(frames, tmp_path):
    colour = np.stack([frames, frames // 2, frames // 3], axis=3)
    writers.video(tmp_path / "movie.avi", colour, "rawvideo", "bgr24")
    with pytest.raises(UserError, match=r"take one colour: channel=0 \(red\), channel=1 \(green\), channel=2 \(blue\)"):
        detectnmf.read(tmp_path / "movie.avi")
    assert same(detectnmf.read(tmp_path / "movie.avi", channel=1), frames // 2)


@needs_av
def test_a_miniscope_s_folder_is_one_movie(frames, tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    for number, part in ((1, frames[:8]), (2, frames[8:16]), (10, frames[16:])):
        writers.video(folder / f"msCam{number}.avi", part)
    lines = ["Frame Number,Time Stamp (ms),Buffer Index", *(f"{t},{33 * t + 500 * (t > 9)},0" for t in range(23))]
    (folder / "timeStamps.csv").write_text("\n".join(lines))
    recording = detectnmf.read(folder)
    assert same(recording, frames)
    assert recording.starts == (8, 16)
    assert recording.rate == pytest.approx(1000 / 33)
    assert "1 of 22 intervals in timeStamps.csv are longer than usual: frames were dropped there." in recording.notes
    for aborted in ("Frame Number,Time Stamp (ms),Buffer Index\n", ""):
        (folder / "timeStamps.csv").write_text(aborted)
        assert same(detectnmf.read(folder), frames)
    writers.video(folder / "behavCam1.avi", frames)
    with pytest.raises(UserError, match=r"holds several movies: behavCam\*.avi, msCam\*.avi; give one of these patterns"):
        detectnmf.read(folder)
    assert same(detectnmf.read(str(folder / "msCam*.avi")), frames)


@needs_av
@pytest.mark.parametrize(("codec", "ending"), [("ffv1", "avi"), ("ffv1", "mkv"), ("rawvideo", "avi")])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_video_that_was_cut_is_refused(codec, ending, share, frames, tmp_path):
    writers.video(tmp_path / f"movie.{ending}", frames, codec)
    with pytest.raises(UserError, match=rf"cut_movie.{ending} is (truncated|damaged)") as raised:
        detectnmf.read(cut(tmp_path / f"movie.{ending}", share))
    assert "\n" not in str(raised.value)


@needs_av
def test_damage_within_a_video_is_told_when_it_is_met(frames, tmp_path):
    writers.video(tmp_path / "movie.mkv", frames, "ffv1")
    content = bytearray((tmp_path / "movie.mkv").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 900] = np.random.default_rng(0).bytes(900)
    (tmp_path / "movie.mkv").write_bytes(content)
    with pytest.raises(UserError, match=r"movie\.mkv"):
        detectnmf.read(tmp_path / "movie.mkv")[:]


def test_without_pyav_one_line_says_what_to_do(tmp_path):
    (tmp_path / "movie.avi").write_bytes(b"RIFF" + bytes(4) + b"AVI " + bytes(20))
    code = (
        "import sys; sys.modules['av'] = None\n"
        "import detectnmf; from detectnmf.errors import UserError\n"
        "try: detectnmf.read(sys.argv[1])\n"
        "except UserError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "movie.avi")], capture_output=True, text=True)
    assert "pip install av" in done.stdout and done.stdout.count("\n") == 1, done.stdout + done.stderr
