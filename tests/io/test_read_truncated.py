"""Files that were cut short are refused when they are opened, with the number of frames that are whole."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile

import detectnmf
from detectnmf.errors import UserError

from .conftest import cut

FRAME = 64 * 64 * 2  # bytes, far more than the tags of a page
STACKS = {
    "plain": {},
    "big, other byte order": {"bigtiff": True, "byteorder": ">"},
    "imagej": {"imagej": True},
}


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """10 frames that no compression makes smaller."""
    return np.random.default_rng(0).integers(0, 2**16, (10, 64, 64)).astype(np.uint16)


@pytest.mark.parametrize("kind", STACKS)
def test_a_stack_in_one_piece(kind, noise, tmp_path):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, noise, **STACKS[kind])
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
    share = (start + 6.5 * FRAME) / path.stat().st_size
    with pytest.raises(UserError, match=r"cut_movie.tif is truncated: 6 of 10 frames are whole; copy it again"):
        detectnmf.read(cut(path, share))


@pytest.mark.parametrize("kind", STACKS)
def test_losing_only_the_tags_behind_the_pixels_is_no_loss(kind, noise, tmp_path):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, noise, **STACKS[kind])
    with tifffile.TiffFile(path) as tif:
        end = tif.pages[0].dataoffsets[0] + noise.nbytes
    assert end < path.stat().st_size
    assert np.array_equal(detectnmf.read(cut(path, (end + 1) / path.stat().st_size))[:], noise)


def test_a_stack_in_one_piece_that_announces_nothing(noise, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", noise, metadata=None)
    with pytest.raises(UserError, match=r"truncated: 5 frames are whole, the rest is missing"):
        detectnmf.read(cut(tmp_path / "movie.tif", 0.55))


@pytest.mark.parametrize("metadata", [None, {}])
@pytest.mark.parametrize("share", [0.3, 0.72, 0.9999])
def test_compressed_pages(metadata, share, noise, tmp_path):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, noise, compression="zlib", metadata=metadata)
    size = int(path.stat().st_size * share)
    with tifffile.TiffFile(path) as tif:
        whole = sum(page.dataoffsets[-1] + page.databytecounts[-1] <= size for page in tif.pages)
    assert 0 < whole < 10
    of = "" if metadata is None else " of 10"
    with pytest.raises(UserError, match=f"truncated: {whole}{of} frames are whole"):
        detectnmf.read(cut(path, share))


def test_frames_written_one_by_one(noise, tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as file:
        for frame in noise:
            file.write(frame, contiguous=False)
    with pytest.raises(UserError, match=r"truncated: 4 frames are whole, the rest is missing"):
        detectnmf.read(cut(tmp_path / "movie.tif", 0.45))


@pytest.mark.parametrize("length", [8, 12, 40])
def test_a_head_alone(length, noise, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", noise)
    cut_short = tmp_path / "head.tif"
    cut_short.write_bytes((tmp_path / "movie.tif").read_bytes()[:length])
    with pytest.raises(UserError, match=r"head.tif is (truncated|damaged).*; copy it again"):
        detectnmf.read(cut_short)


def test_garbled_pixels_name_the_frames(noise, tmp_path):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, noise, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        start, length = tif.pages[7].dataoffsets[0], tif.pages[7].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start : start + length] = bytes(length)
    path.write_bytes(content)
    recording = detectnmf.read(path)
    assert np.array_equal(recording[:7], noise[:7])
    with pytest.raises(UserError, match=r"movie.tif: frames 5 to 9 cannot be decoded"):
        recording[5:10]


def test_npy(noise, tmp_path):
    np.save(tmp_path / "movie.npy", noise)
    with pytest.raises(UserError, match=r"cut_movie.npy is truncated: 5 of 10 frames are whole"):
        detectnmf.read(cut(tmp_path / "movie.npy", 0.55))
    with pytest.raises(UserError, match=r"is damaged: its header cannot be read"):
        detectnmf.read(cut(tmp_path / "movie.npy", 0.0005))


@pytest.mark.parametrize("name", ["plain.tif", "compressed.tif", "movie.npy"])
def test_garbled_heads_end_in_one_line(name, noise, tmp_path):
    """Whatever the libraries make of it: the file opens, or one line says that it is damaged."""
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, noise)
    else:
        tifffile.imwrite(path, noise, compression="zlib" if name == "compressed.tif" else None)
    content, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(60):
        garbled = bytearray(content)
        for place in rng.integers(0, 300, rng.integers(1, 8)):
            garbled[place] = rng.integers(0, 256)
        path.write_bytes(garbled)
        try:
            detectnmf.read(path)
        except UserError as error:
            refused += 1
            assert path.name in str(error) and "\n" not in str(error)
    assert refused > 10


def test_a_file_that_shrinks_after_it_was_opened(noise, tmp_path):
    np.save(tmp_path / "movie.npy", noise)
    recording = detectnmf.read(tmp_path / "movie.npy")
    with open(tmp_path / "movie.npy", "r+b") as file:
        file.truncate(5 * FRAME)
    with pytest.raises(UserError, match=r"was it moved or cut since it was opened"):
        recording[0]


def test_hdf5(noise, tmp_path):
    with h5py.File(tmp_path / "movie.h5", "w") as file:
        file["movie"] = noise
    with pytest.raises(UserError, match=r"cut_movie.h5 is truncated and cannot be opened"):
        detectnmf.read(cut(tmp_path / "movie.h5", 0.55))


def test_an_ome_recording_that_was_stopped_early_is_read_as_far_as_it_goes(noise, tmp_path):
    path = tmp_path / "movie.ome.tif"
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="64" SizeY="64" SizeZ="1" SizeC="1" SizeT="25">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData/></Pixels></Image></OME>'
    )
    tifffile.imwrite(path, noise, description=xml, metadata=None, compression="zlib")
    recording = detectnmf.read(path)
    assert np.array_equal(recording[:], noise)
    assert "The file announces 25 frames, but holds 10; those were read." in recording.notes
