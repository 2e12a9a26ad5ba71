"""Whatever has happened to a file: it is read as it was, or refused in one line that names it. No traceback, no hang, no other values."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import detectnmf
from detectnmf.errors import UserError

from . import writers

SECONDS = 20  # longer is a hang
FRAMES, ROWS, COLUMNS = 12, 9, 7


def values() -> np.ndarray:
    t, y, x = np.ogrid[:FRAMES, :ROWS, :COLUMNS]
    return (5000 * t + 100 * y + x + 3).astype(np.uint16)


def h5(path, movie):
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("movie", data=movie, chunks=(4, 9, 7), compression="gzip", fletcher32=True)
        file["rate"] = 12.0


def pages(path, movie):
    with tifffile.TiffWriter(path) as file:
        for frame in movie:
            file.write(frame, contiguous=False)


WRITERS = {
    "plain.tif": lambda path, movie: tifffile.imwrite(path, movie),
    "big.tif": lambda path, movie: tifffile.imwrite(path, movie, bigtiff=True),
    "deflate.tif": lambda path, movie: tifffile.imwrite(path, movie, compression="zlib"),
    "pages.tif": pages,
    "imagej.tif": lambda path, movie: tifffile.imwrite(path, movie, imagej=True),
    "movie.ome.tif": lambda path, movie: tifffile.imwrite(path, movie, metadata={"axes": "TYX"}),
    "scanimage.tif": lambda path, movie: writers.scanimage(path, movie, {"hRoiManager.scanFrameRate": 30.0}),
    "movie.npy": lambda path, movie: np.save(path, movie),
    "movie.h5": h5,
    "movie.nwb": lambda path, movie: writers.nwb(path, movie, rate=5.0),
    "movie.isxd": lambda path, movie: writers.isxd(path, movie),
    "movie.sbx": lambda path, movie: writers.sbx(path, movie),
    "data.bin": lambda path, movie: writers.suite2p(path.parent, movie.astype(np.int16)),
    "m_d1_9_d2_7_d3_1_order_F_frames_12_.mmap": lambda path, movie: path.write_bytes(movie.transpose(0, 2, 1).astype("<f4").tobytes()),
    "movie.mkv": lambda path, movie: writers.video(path, np.tile(movie % 251, (1, 4, 4)).astype(np.uint8)),
    "movie.avi": lambda path, movie: writers.video(path, np.tile(movie % 251, (1, 4, 4)).astype(np.uint8), "rawvideo"),
}
KINDS = [name for name in WRITERS if find_spec("av") or not name.endswith((".mkv", ".avi"))]
DAMAGES = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "twelve bytes": lambda content: content[:12],
    "a tenth": lambda content: content[: len(content) // 10],
    "half": lambda content: content[: len(content) // 2],
    "nine tenths": lambda content: content[: 9 * len(content) // 10],
    "but one byte": lambda content: content[:-1],
    "zeros at the front": lambda content: bytes(64) + content[64:],
    "zeros after the first bytes": lambda content: content[:8] + bytes(64) + content[72:],
    "zeros at the end": lambda content: content[:-64] + bytes(64),
    "more at the end": lambda content: content + b"left over" * 11,
    "as text": lambda content: content.replace(b"\n", b"\r\n"),
}
MAY_BE_PIXELS = {"zeros after the first bytes", "zeros at the end", "zeros at the front", "as text"}
NOT_COUNTED = ("movie.sbx",)  # nothing says how many frames there were


def expected(kind: str) -> np.ndarray:
    movie = values()
    if kind.endswith((".mkv", ".avi")):
        return np.tile(movie % 251, (1, 4, 4)).astype(np.uint8)
    return movie.astype(np.float32 if kind.endswith(".mmap") else np.int16 if kind.endswith(".bin") else np.uint16)


@contextmanager
def no_hang() -> Iterator[None]:
    def stop(*_):
        raise TimeoutError(f"longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read_all(path) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """All frames and the notes; None when refused, in one line that names the file."""
    with no_hang():
        try:
            recording = detectnmf.read(path)
            assert np.prod(recording.shape) < 1e7  # nothing was made up
            return recording[:], recording.notes
        except UserError as error:
            assert "\n" not in str(error) and len(str(error)) < 1000
            assert path.name in str(error) or "ops.npy" in str(error)
            return None


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file(kind, damage, tmp_path):
    path = tmp_path / kind
    WRITERS[kind](path, values())
    assert np.array_equal(read_all(path)[0], expected(kind))
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    read = read_all(path)
    if read is not None and damage not in MAY_BE_PIXELS:  # nothing tells pixels that are zero from pixels that were lost
        found, notes = read
        if found.shape != expected(kind).shape and kind not in NOT_COUNTED:
            assert any("left out" in note or "holds" in note for note in notes), notes
        assert np.array_equal(found, expected(kind)[: len(found)])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
def test_bytes_that_were_changed_at_random(kind, data, tmp_path):
    """Anywhere; where there are checksums or tags, it shows; among pixels it cannot."""
    path = tmp_path / kind
    path.unlink(missing_ok=True)
    WRITERS[kind](path, values())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        front = data.draw(st.booleans())  # most tags lie at either end
        place = data.draw(st.integers(0, min(600, len(content) - 1)))
        content[place if front else -1 - place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    read_all(path)


@pytest.mark.parametrize("name", ["bool", "int8", "uint32", "int64", ">u2", ">f8", "float16", "float64", "Fortran", "strided"])
def test_arrays_of_any_type_keep_their_values(name, tmp_path):
    movie = values() % 100
    if name == "Fortran":
        movie = np.asfortranarray(movie)
    elif name == "strided":
        movie = np.repeat(movie, 2, axis=0)[::2]
    else:
        movie = movie.astype(name)
    np.save(tmp_path / "movie.npy", movie)
    if name == "bool":
        assert read_all(tmp_path / "movie.npy") is None
    else:
        found, _ = read_all(tmp_path / "movie.npy")
        assert np.array_equal(found, movie) and found.dtype == movie.dtype.newbyteorder("=")


@pytest.mark.parametrize("shape", [(0, 9, 7), (12, 0, 7), (1, 9, 7), (12,), (9, 7), (2, 2, 12, 9, 7), ()])
def test_shapes_that_are_no_movie(shape, tmp_path):
    np.save(tmp_path / "movie.npy", np.zeros(shape, np.uint16))
    assert read_all(tmp_path / "movie.npy") is None


@pytest.mark.parametrize(
    "name", ["with space.npy", "µm.npy", "a=b.npy", "[1].npy", "what?.npy", "-x.npy", "x" * 200 + ".npy", "no_suffix", ".hidden.npy"]
)
def test_names_of_any_kind(name, tmp_path):
    with open(tmp_path / name, "wb") as file:
        np.save(file, values())
    assert np.array_equal(read_all(tmp_path / name)[0], values())


def test_places_that_are_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "gone.tif").symlink_to(tmp_path / "nowhere.tif")
    for name in ("pipe.tif", "folder.tif", "gone.tif"):
        assert read_all(tmp_path / name) is None
    np.save(tmp_path / "movie.npy", values())
    (tmp_path / "link.npy").symlink_to(tmp_path / "movie.npy")
    assert np.array_equal(read_all(tmp_path / "link.npy")[0], values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_while_it_is_read(kind, tmp_path):
    path = tmp_path / kind
    WRITERS[kind](path, values())
    recording = detectnmf.read(path)
    path.write_bytes(path.read_bytes()[:40])
    with no_hang():
        try:
            found = recording[:]
        except UserError as error:
            assert "\n" not in str(error)
        else:  # from what was read before
            assert np.array_equal(found, expected(kind))
