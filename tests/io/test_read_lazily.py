"""A movie larger than memory opens at once, and only the frames that are asked for are read."""

from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import detectnmf

SHAPE = (10_000, 1024, 1024)  # 20 GB of uint16, nearly all of it a hole in the file
FRAME = 1024 * 1024 * 2  # bytes
ROW = np.arange(1024, dtype=np.uint16)


def huge_npy(path):
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<u2", "fortran_order": False, "shape": SHAPE})
        start = file.tell()
        file.seek(start + 7777 * FRAME)
        file.write(ROW.tobytes())
        file.truncate(start + SHAPE[0] * FRAME)


def huge_tiff(path):
    tifffile.imwrite(path, np.zeros((2, 1024, 1024), np.uint16), bigtiff=True, imagej=False, metadata=None)
    mapped = tifffile.memmap(path, shape=SHAPE, dtype=np.uint16, bigtiff=True, photometric="minisblack")
    mapped[7777, 0] = ROW
    mapped.flush()


def huge_hdf5(path):
    with h5py.File(path, "w") as file:
        movie = file.create_dataset("movie", SHAPE, np.uint16, chunks=(1, 1024, 1024))
        movie[7777, 0] = ROW


def huge_zarr(path):
    zarr.create_array(path, shape=SHAPE, dtype=np.uint16, chunks=(1, 1024, 1024))[7777, 0] = ROW


@pytest.mark.parametrize("make", [huge_npy, huge_tiff, huge_hdf5, huge_zarr])
def test_20_gigabytes_open_in_a_few_megabytes(make, tmp_path):
    make(tmp_path / "movie")
    detectnmf.read(tmp_path / "movie")  # imports
    tracemalloc.start()
    try:
        recording = detectnmf.read(tmp_path / "movie")
        frame = recording[7777]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert recording.shape == SHAPE
    assert np.array_equal(frame[0], ROW) and not frame[1:].any()
    assert peak < 30e6  # one frame, a few copies, and the offsets of 10 000 pages


def test_only_the_pages_asked_for_are_decoded(movie, tmp_path, monkeypatch):
    decoded = []
    original = tifffile.TiffFile.asarray

    def noted(self, key=None, **known):
        decoded.append(key)
        return original(self, key=key, **known)

    monkeypatch.setattr(tifffile.TiffFile, "asarray", noted)
    tifffile.imwrite(tmp_path / "movie.tif", movie, compression="zlib")
    recording = detectnmf.read(tmp_path / "movie.tif")
    assert decoded == [slice(0, 1)]  # to see that it can be decoded
    recording[3:5]
    recording[7]
    recording[0:9:4]
    assert decoded[1:] == [slice(3, 5), slice(7, 8), [0, 4, 8]]


def test_only_the_chunks_asked_for_are_read(movie, tmp_path):
    zarr.create_array(tmp_path / "movie.zarr", data=movie, chunks=(4, 9, 7), compressors=None)
    recording = detectnmf.read(tmp_path / "movie.zarr")
    for chunk in (tmp_path / "movie.zarr").rglob("0/0/0"):
        chunk.write_bytes(b"short")  # reading it would fail
    assert np.array_equal(recording[4:12], movie[4:])


def test_files_of_a_series_are_opened_one_at_a_time(movie, tmp_path):
    for part in range(3):
        tifffile.imwrite(tmp_path / f"part_{part}.tif", movie[4 * part : 4 * part + 4], compression="zlib", photometric="minisblack")
    recording = detectnmf.read(tmp_path)
    arrays = [part.array for part in recording.frames.array.parts]
    assert [array._tif is not None for array in arrays] == [False, False, False]
    recording[2:10]
    assert [array._tif is not None for array in arrays] == [False, False, True]
