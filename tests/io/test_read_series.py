"""Folders and patterns: many TIFFs are one movie, in natural order, all alike."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import tifffile

import detectnmf
from detectnmf.errors import UserError

from .conftest import same


def write(folder, frames, name="frame_{}.tif", **options):
    folder.mkdir(exist_ok=True)
    for number, frame in enumerate(frames):
        tifffile.imwrite(folder / name.format(number), frame, **options)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_folder_of_frames_in_natural_order(compression, movie, tmp_path):
    write(tmp_path / "day1", movie, compression=compression)  # frame_10 comes after frame_2
    (tmp_path / "day1" / "notes.txt").write_text("rig 2")
    (tmp_path / "day1" / "._frame_0.tif").write_bytes(b"left by another system")
    recording = detectnmf.read(tmp_path / "day1")
    assert same(recording, movie)
    assert recording.name == "day1"
    assert recording.notes[0] == "12 files, 12 frames, in the order frame_0.tif ... frame_11.tif."
    assert same(pickle.loads(pickle.dumps(recording)), movie)


def test_a_recording_in_parts(movie, tmp_path):
    parts = [movie[:5], movie[5:6], movie[6:]]
    write(tmp_path / "parts", parts[:2], "trial_{}.tif", compression="zlib")
    tifffile.imwrite(tmp_path / "parts" / "trial_02.TIFF", parts[2], byteorder=">", metadata={"rate": 9.0})
    tifffile.imwrite(tmp_path / "parts" / "other.tif", movie)
    recording = detectnmf.read(str(tmp_path / "parts" / "trial_*"))
    assert same(recording, movie)
    assert recording.name == "trial"


def test_metadata_come_from_the_first_file(movie, tmp_path):
    write(tmp_path / "day1", movie, metadata={"rate": 4.0, "pixel_size": 0.9})
    recording = detectnmf.read(tmp_path / "day1")
    assert (recording.rate, recording.pixel_size) == (4.0, 0.9)


def test_axes_are_those_of_each_file(movie, tmp_path):
    write(tmp_path / "parts", [np.ascontiguousarray(part.transpose(1, 2, 0)) for part in (movie[:6], movie[6:])])
    assert same(detectnmf.read(tmp_path / "parts", axes="YXT"), movie)


def test_a_folder_or_pattern_with_one_stack_is_that_stack(movie, tmp_path):
    write(tmp_path / "day1", [movie])
    np.save(tmp_path / "day1" / "movie.npy", movie)
    assert same(detectnmf.read(tmp_path / "day1"), movie)
    assert detectnmf.read(tmp_path / "day1").name == "frame_0"
    assert same(detectnmf.read(tmp_path / "day1" / "*.npy"), movie)


def test_frames_of_another_size_or_type_are_named(movie, tmp_path):
    write(tmp_path / "day1", movie[:4])
    tifffile.imwrite(tmp_path / "day1" / "frame_9.tif", movie[0, :5])
    with pytest.raises(UserError, match=r"day1: frame_9.tif is 5 × 7 uint16, but frame_0.tif is 9 × 7 uint16; .* take out the odd files"):
        detectnmf.read(tmp_path / "day1")
    tifffile.imwrite(tmp_path / "day1" / "frame_9.tif", movie[0].astype(np.float32))
    with pytest.raises(UserError, match=r"frame_9.tif is 9 × 7 float32, but frame_0.tif is 9 × 7 uint16"):
        detectnmf.read(tmp_path / "day1")


def test_other_files_in_a_pattern_are_named(movie, tmp_path):
    write(tmp_path / "day1", movie[:4])
    (tmp_path / "day1" / "notes.txt").write_text("rig 2")
    with pytest.raises(UserError, match=r"notes.txt is text, not a movie"):
        detectnmf.read(tmp_path / "day1" / "*")


def test_folders_without_a_movie(movie, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty is a folder without TIFF files or videos \(it has no files\)"):
        detectnmf.read(tmp_path / "empty")
    write(tmp_path / "one", movie[:1])
    with pytest.raises(UserError, match=r"holds a single image"):
        detectnmf.read(tmp_path / "one")
    with pytest.raises(UserError, match=r"nothing matches .*one/\*.png"):
        detectnmf.read(tmp_path / "one" / "*.png")


def test_a_name_with_brackets_is_a_name_first(movie, tmp_path):
    np.save(tmp_path / "movie[1].npy", movie)
    assert same(detectnmf.read(tmp_path / "movie[1].npy"), movie)


def test_more_files_than_may_be_open(tmp_path):
    resource = pytest.importorskip("resource")
    frames = np.arange(80, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)
    write(tmp_path / "many", frames, compression="zlib")
    here = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 100
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (here + 20, before[1]))
    try:
        assert np.array_equal(detectnmf.read(tmp_path / "many")[:], frames)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def ome(number, count, frames):
    """The description of one file of a set, which lists all of them."""
    names = [f"urn:uuid:00000000-0000-0000-0000-00000000000{part}" for part in range(count)]
    each = frames // count
    data = "".join(
        f'<TiffData FirstT="{each * part}" FirstC="0" FirstZ="0" IFD="0" PlaneCount="{each}">'
        f'<UUID FileName="set_{part}.ome.tif">{names[part]}</UUID></TiffData>'
        for part in range(count)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{names[number]}">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="7" SizeY="9" SizeZ="1" SizeC="1" '
        f'SizeT="{frames}"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
    )


def test_an_ome_set_opens_whole_from_its_folder_and_from_one_file(movie, tmp_path):
    for part in range(3):
        options = {"description": ome(part, 3, 12), "metadata": None, "compression": "zlib", "photometric": "minisblack"}
        tifffile.imwrite(tmp_path / f"set_{part}.ome.tif", movie[4 * part : 4 * part + 4], **options)
    assert same(detectnmf.read(tmp_path / "set_0.ome.tif"), movie)
    assert same(detectnmf.read(tmp_path), movie)
    tifffile.imwrite(tmp_path / "stranger.tif", movie)
    with pytest.raises(UserError, match=r"stranger.tif does not belong to the OME-TIFF set of set_0.ome.tif"):
        detectnmf.read(tmp_path)
