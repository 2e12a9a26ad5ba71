"""TIFF of every kind gives back the values that were written."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile

import detectnmf
from detectnmf.errors import UserError
from detectnmf.io.raw import RawArray
from detectnmf.io.tiff_pages import PageStack

from .conftest import same

IN_ONE_PIECE = {
    "plain": {},
    "big": {"bigtiff": True},
    "other byte order": {"byteorder": ">"},
    "no metadata": {"metadata": None},
    "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
    "imagej, called slices": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "imagej, called channels": {"imagej": True},
    "ome": {"ome": True, "metadata": {"axes": "TYX"}},
}
PAGE_BY_PAGE = {
    "deflate": {"compression": "zlib"},
    "deflate with predictor, big, other byte order": {"compression": "zlib", "predictor": True, "bigtiff": True, "byteorder": ">"},
    "no metadata, in strips": {"metadata": None, "compression": "zlib", "rowsperstrip": 2},
    "tiles": {"tile": (16, 16)},
    "ome": {"ome": True, "compression": "zlib", "metadata": {"axes": "TYX"}},
    "one plane, one channel": {"ome": True, "compression": "zlib", "metadata": {"axes": "TYX"}},
}


@pytest.mark.parametrize("kind", IN_ONE_PIECE)
def test_uncompressed_stacks_are_mapped(kind, movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, **IN_ONE_PIECE[kind])
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert isinstance(recording.frames.array, RawArray)
    assert same(recording, movie)
    assert recording.name == "movie"


@pytest.mark.parametrize("kind", PAGE_BY_PAGE)
def test_other_stacks_are_read_page_by_page(kind, movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, **PAGE_BY_PAGE[kind])
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert isinstance(recording.frames.array, PageStack)
    assert same(recording, movie)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_values_keep_their_type(dtype, compression, tmp_path):
    values = np.random.default_rng(0).normal(0, 50, (4, 5, 6)).astype(np.dtype(dtype) if dtype[0] != "u" else "i8").astype(dtype)
    tifffile.imwrite(tmp_path / "movie.tif", values, compression=compression, photometric="minisblack")
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert recording.dtype == np.dtype(dtype)
    assert np.array_equal(recording[:], values)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("metadata", [None, {}])
def test_frames_written_one_by_one_are_stacked(compression, metadata, movie, tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as file:
        for frame in movie:
            file.write(frame, contiguous=False, compression=compression, metadata=metadata)
    assert same(detectnmf.read(tmp_path / "movie.tif"), movie)


def test_frames_appended_to_a_closed_file_are_stacked(movie, tmp_path):
    for frame in movie:
        tifffile.imwrite(tmp_path / "movie.tif", frame, append=True)
    assert same(detectnmf.read(tmp_path / "movie.tif"), movie)


def test_odd_frame_among_many_is_refused(movie, tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as file:
        for frame in movie:
            file.write(frame, contiguous=False)
        file.write(movie[0, :5], contiguous=False)
    with pytest.raises(UserError, match=r"page 12 is \(5, 7\) uint16, but page 0 is \(9, 7\) uint16"):
        detectnmf.read(tmp_path / "movie.tif")


def test_several_stacks_need_a_choice(movie, tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as file:
        file.write(movie)
        file.write(movie[:6, :4])
    with pytest.raises(UserError, match=r"several series of images, \(12, 9, 7\), \(6, 4, 7\); choose one .*dataset=0"):
        detectnmf.read(tmp_path / "movie.tif")
    assert same(detectnmf.read(tmp_path / "movie.tif", dataset=0), movie)
    assert np.array_equal(detectnmf.read(tmp_path / "movie.tif", dataset="1")[:], movie[:6, :4])
    with pytest.raises(UserError, match=r"has 2 series"):
        detectnmf.read(tmp_path / "movie.tif", dataset=2)


def test_a_thumbnail_beside_the_movie_is_passed_over(movie, tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as file:
        file.write(movie[0, ::2, ::2])
        file.write(movie)
    assert same(detectnmf.read(tmp_path / "movie.tif"), movie)


def test_frames_that_were_written_as_colours_can_be_had(movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie[:4], photometric="rgb", planarconfig="separate")
    with pytest.raises(UserError, match=r"a single colour image .*; a movie needs frames: if these are frames, give axes=TYX"):
        detectnmf.read(tmp_path / "movie.tif")
    assert np.array_equal(detectnmf.read(tmp_path / "movie.tif", axes="TYX")[:], movie[:4])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_one_channel_of_several(compression, movie, tmp_path):
    both = np.stack([movie, movie + 1], axis=1)
    tifffile.imwrite(tmp_path / "movie.tif", both, metadata={"axes": "TCYX"}, compression=compression)
    with pytest.raises(UserError, match=r"has axes TCYX of 12 × 2 × 9 × 7; .* take one channel: channel=0 or channel=1"):
        detectnmf.read(tmp_path / "movie.tif")
    assert same(detectnmf.read(tmp_path / "movie.tif", axes="TC0YX"), movie)
    assert same(detectnmf.read(tmp_path / "movie.tif", axes="tc1yx"), movie + 1)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_time_along_the_columns(compression, movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", np.ascontiguousarray(movie.transpose(1, 2, 0)), compression=compression)
    assert same(detectnmf.read(tmp_path / "movie.tif", axes="YXT"), movie)


def test_two_channels_of_scanimage_take_turns(movie, tmp_path):
    both = np.stack([movie, movie + 1], axis=1).reshape(-1, 9, 7)
    write_scanimage(tmp_path / "movie.tif", both, "SI.hChannels.channelSave = [1;2]\nSI.hRoiManager.scanFrameRate = 30.5\n")
    with pytest.raises(UserError, match=r"take one channel: channel=0 \(Channel 1\) or channel=1 \(Channel 2\)$"):
        detectnmf.read(tmp_path / "movie.tif")
    recording = detectnmf.read(tmp_path / "movie.tif", axes="TC1YX")
    assert same(recording, movie + 1)
    assert recording.rate == 30.5


@pytest.mark.parametrize("announced", [12, 1000, float("inf")])
def test_each_file_of_scanimage_announces_the_whole_acquisition(announced, movie, tmp_path, monkeypatch):
    header = {"FrameData": {"SI.hChannels.channelSave": 1, "SI.hStackManager.framesPerSlice": announced}}
    monkeypatch.setattr(tifffile.TiffFile, "scanimage_metadata", property(lambda self: header))
    write_scanimage(tmp_path / "movie.tif", movie, "SI.VERSION_MAJOR = 2018\n")
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert same(recording, movie)
    said = "The file announces 1000 frames, but holds 12; those were read."
    assert (said in recording.notes) == (announced == 1000)


def write_scanimage(path, frames, header):
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for number, frame in enumerate(frames):
            text = f"frameNumbers = {number + 1}\n"
            file.write(frame, contiguous=False, software="SI.VERSION_UPDATE = 0\n" + header, description=text, metadata=None)


def test_readers_travel_between_processes_and_threads(movie, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", movie, compression="zlib")
    recording = detectnmf.read(tmp_path / "movie.tif")
    copy = pickle.loads(pickle.dumps(recording))
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(lambda t: copy[t % 12], range(60)))
    assert all(np.array_equal(frame, movie[t % 12]) for t, frame in enumerate(frames))
