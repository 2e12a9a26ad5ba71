"""Whatever is no movie is refused in one line that names the file and the cure."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile

import detectnmf
from detectnmf.errors import UserError

CONTENTS = {
    "empty": (b"", "is empty; copy it again"),
    "text": (
        "Δ frames, 30 Hz\n".encode() * 99,
        "is text, not a movie; TIFF, .npy, HDF5, NWB, zarr, .bin, .mmap, .isxd, .sbx and videos are read",
    ),
    "noise": (bytes(range(256)), "is not a movie that can be read"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(20), "is a PNG: a single image, not a movie"),
    "zip": (b"PK\x03\x04" + bytes(20), "is a zip archive .* save an array with numpy.save"),
    "wav": (b"RIFF" + bytes(4) + b"WAVE" + bytes(20), "is a RIFF file without pictures"),
    "avi": (b"RIFF" + bytes(4) + b"AVI " + bytes(20), "is (damaged|a video, which PyAV reads; pip install av)"),
    "mp4": (bytes(4) + b"ftypmp42" + bytes(20), "is (damaged|a video, which PyAV reads; pip install av)"),
    "matlab": (b"MATLAB 5.0 MAT-file" + bytes(200), "is a MATLAB file of an old format; save it with -v7.3"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_files_that_are_no_movie(kind, tmp_path):
    content, message = CONTENTS[kind]
    (tmp_path / "movie.tif").write_bytes(content)  # the name says nothing
    with pytest.raises(UserError, match=f"movie.tif {message}") as raised:
        detectnmf.read(tmp_path / "movie.tif")
    assert "\n" not in str(raised.value)


def test_a_movie_is_known_by_its_content(movie, tmp_path):
    with open(tmp_path / "movie.dat", "wb") as file:
        np.save(file, movie)
    assert np.array_equal(detectnmf.read(tmp_path / "movie.dat")[:], movie)


def test_a_missing_file_with_names_that_are_near(tmp_path):
    for name in ("mouse_day1.tif", "mouse_day2.tif", "readme.md"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"muose_day1.tif: no such file or folder; did you mean mouse_day1.tif"):
        detectnmf.read(tmp_path / "muose_day1.tif")
    with pytest.raises(UserError, match=r"fly.h5: no such file or folder; .* has mouse_day1.tif, mouse_day2.tif, readme.md"):
        detectnmf.read(tmp_path / "fly.h5")
    with pytest.raises(UserError, match=r"there is no folder .*elsewhere"):
        detectnmf.read(tmp_path / "elsewhere" / "fly.h5")


def test_no_path_at_all():
    with pytest.raises(UserError, match=r"the path of the movie is empty"):
        detectnmf.read("")


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.zeros((8, 9), np.uint8), {}, "a single image of 8 × 9 px"),
        (np.zeros((8, 9, 3), np.uint8), {"photometric": "rgb"}, "a single colour image"),
        (np.zeros((6, 8, 9, 3), np.uint8), {"photometric": "rgb"}, "take one colour: channel=0, channel=1, channel=2"),
        (np.zeros((6, 8, 9), np.complex64), {}, r"complex numbers \(complex64\)"),
    ],
)
def test_tiffs_that_are_no_movie(values, options, message, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", values, **options)
    with pytest.raises(UserError, match=r"movie.tif .*" + message):
        detectnmf.read(tmp_path / "movie.tif")


def test_a_result_is_not_a_movie(tmp_path):
    from detectnmf.components import Components
    from detectnmf.compressed import Compressed
    from detectnmf.result import DemixResult

    nothing = Compressed.from_factors(np.zeros((6, 1)), np.zeros((1, 4)), np.zeros((2, 3)))
    DemixResult(Components.empty((2, 3), 4), np.zeros((2, 3)), nothing).save(tmp_path / "result.h5")
    with pytest.raises(UserError, match=r"result.h5 is a result of detectnmf, not a movie; open it with detectnmf.load"):
        detectnmf.read(tmp_path / "result.h5")


def test_permission_denied_is_one_line(movie, tmp_path, monkeypatch):
    from detectnmf.io import npy

    def denied(path, dataset):
        raise PermissionError(13, "Permission denied", str(path))

    np.save(tmp_path / "movie.npy", movie)
    monkeypatch.setattr(npy, "open_movie", denied)
    with pytest.raises(UserError, match=r"movie.npy: permission denied; you may not read it"):
        detectnmf.read(tmp_path / "movie.npy")


def test_a_codec_that_is_not_installed_is_named(movie, tmp_path):
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "movie.tif", movie, compression="lzw")
    assert np.array_equal(detectnmf.read(tmp_path / "movie.tif")[:], movie)
    code = (
        "import sys; sys.modules['imagecodecs'] = None\n"
        "import detectnmf; from detectnmf.errors import UserError\n"
        "try: detectnmf.read(sys.argv[1])\n"
        "except UserError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "movie.tif")], capture_output=True, text=True)
    assert "movie.tif" in done.stdout and "pip install imagecodecs" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("\n") == 1
