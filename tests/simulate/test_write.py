"""Simulated movies as files."""

from __future__ import annotations

import os
from dataclasses import replace

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import detectnmf
from detectnmf.errors import UserError
from detectnmf.recording import Recording
from detectnmf.runtime import Runtime
from detectnmf.simulate import write as writing
from detectnmf.simulate.movie import BLOCK
from detectnmf.simulate.write import base, tiff

from .computed import Computed

RUNTIME = Runtime(device="cpu", quiet=True)
NAMES = ["movie.tif", "movie.zarr", "movie.h5"]


# ---- what is written ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("name", [*NAMES, "movie.TIFF", "my movie.hdf5"])
def test_comes_back_with_rate_and_pixel_size(name, dtype, made, tmp_path, small_pieces):
    out = made(dtype=dtype)
    writing.write(out, tmp_path / name, RUNTIME)
    assert len(out.recording.frames.asked) == 4
    back = detectnmf.read(tmp_path / name)
    assert back.dtype == np.dtype(dtype)
    assert np.array_equal(back[:], out.recording[:])
    assert back.rate == pytest.approx(12.5, rel=1e-8) and back.pixel_size == pytest.approx(0.73, rel=1e-8)
    assert back.notes == ()


@pytest.mark.parametrize(("rate", "pixel_size"), [(0.44, 4.6), (400.0, 0.0625), (30.012345, 1 / 3)])
@pytest.mark.parametrize("name", NAMES)
def test_odd_rates_and_pixel_sizes(name, rate, pixel_size, made, tmp_path):
    writing.write(made(rate, pixel_size), tmp_path / name, RUNTIME)
    back = detectnmf.read(tmp_path / name)
    assert (back.rate, back.pixel_size) == (pytest.approx(rate, rel=1e-8), pytest.approx(pixel_size, rel=1e-8))


@pytest.mark.parametrize("name", NAMES)
def test_darkness_is_no_lost_data(name, simulated, tmp_path):
    """Chunks that hold nothing but zeros are stored like others."""
    out = replace(simulated, recording=Recording(np.zeros((100, 40, 24), np.uint16)))
    writing.write(out, tmp_path / name, RUNTIME)
    back = detectnmf.read(tmp_path / name)
    assert back.notes == () and not back[:].any()


def test_imagej_opens_the_tiff_as_frames_in_time(made, tmp_path):
    writing.write(made(), tmp_path / "movie.tif", RUNTIME)
    with tifffile.TiffFile(tmp_path / "movie.tif") as file:
        assert file.is_imagej and not file.is_bigtiff
        assert (file.series[0].axes, file.series[0].shape) == ("TYX", (100, 40, 24))
        assert file.imagej_metadata["frames"] == 100 and not {"slices", "channels"} & set(file.imagej_metadata)
        assert file.imagej_metadata["unit"] == "um" and file.imagej_metadata["finterval"] == pytest.approx(0.08)


def test_movies_too_large_for_imagej_become_bigtiff(made, tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "IMAGEJ_LIMIT", 100 * 40 * 24 * 2)
    out = made()
    writing.write(out, tmp_path / "movie.tif", RUNTIME)
    with tifffile.TiffFile(tmp_path / "movie.tif") as file:
        assert file.is_bigtiff and file.is_ome
        assert (file.series[0].axes, file.series[0].shape) == ("TYX", (100, 40, 24))
    back = detectnmf.read(tmp_path / "movie.tif")
    assert np.array_equal(back[:], out.recording[:])
    assert back.rate == pytest.approx(12.5) and back.pixel_size == pytest.approx(0.73)


@pytest.mark.parametrize(("frames", "big"), [(7_000, False), (8_000, True), (50_000, True)])
def test_plain_tiff_ends_before_four_gib(frames, big):
    recording = Recording(Computed((frames, 512, 512)))
    assert tiff.layout(recording).get("bigtiff", False) == big == (2 * 512 * 512 * frames > 3.9e9)


def test_zarr_holds_whole_frames_and_hdf5_one_piece(made, tmp_path, small_pieces):
    for name in NAMES[1:]:
        writing.write(made(), tmp_path / name, RUNTIME)
    array = zarr.open_array(tmp_path / "movie.zarr", mode="r")
    assert array.chunks == (8, 40, 24) and array.nchunks_initialized == 13
    assert array.metadata.dimension_names == ("time", "y", "x")
    with h5py.File(tmp_path / "movie.h5") as file:
        assert list(file) == ["mov"] and file["mov"].chunks is None
        assert [dimension.label for dimension in file["mov"].dims] == ["time", "y", "x"]


@pytest.mark.parametrize("name", NAMES)
def test_truth_stands_beside_the_movie(name, simulated, tmp_path):
    short = replace(simulated, recording=replace(simulated.recording, frames=simulated.recording[:20]))
    path = writing.write(short, tmp_path / name, RUNTIME)
    assert path == tmp_path / "movie.truth.h5"
    assert sorted(os.listdir(tmp_path)) == sorted([name, "movie.truth.h5"])
    truth, back = simulated.truth, detectnmf.load(path)
    assert (back.cells.footprints != truth.cells.footprints).nnz == 0
    assert np.array_equal(back.cells.traces, truth.cells.traces)
    assert np.array_equal(back.history["spikes"], truth.history["spikes"])
    assert np.allclose(back.background[:5], truth.background[:5], atol=1e-3)
    assert back.provenance["kind"] == "truth" and back.provenance["report"]["cells"] == len(truth.cells)


@pytest.mark.parametrize("name", NAMES)
def test_the_simulators_own_frames(name, simulated, tmp_path):
    short = replace(simulated, recording=replace(simulated.recording, frames=simulated.recording[:70]))
    writing.write(short, tmp_path / name, RUNTIME)
    assert np.array_equal(detectnmf.read(tmp_path / name)[:], simulated.recording[:70])


# ---- memory -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "dtype", "chunk"),
    [
        ((512, 512), "uint16", 16),
        ((256, 256), "uint16", 64),
        ((60, 72), "uint16", 960),
        ((2048, 2048), "uint16", 1),
        ((600, 600), "uint16", 8),
        ((700, 700), "f4", 4),
    ],
)
def test_chunks_are_whole_frames_of_some_eight_megabytes(size, dtype, chunk):
    recording = Recording(Computed((100_000, *size), np.dtype(dtype)))
    assert base.frames_in_chunk(recording) == chunk
    assert chunk % BLOCK == 0 or BLOCK % chunk == 0


@pytest.mark.parametrize("memory", [0.001, 0.5, 2.0, 64.0])
@pytest.mark.parametrize("size", [(60, 72), (200, 310), (512, 512), (1024, 1024)])
def test_pieces_are_whole_blocks_and_chunks_within_the_memory(size, memory):
    recording = Recording(Computed((100_000, *size)))
    piece, chunk = base.frames_in_piece(recording, Runtime("cpu", max_memory=memory)), base.frames_in_chunk(recording)
    assert piece % BLOCK == 0 and piece % chunk == 0
    least = max(BLOCK, chunk)
    assert piece == least or (piece <= 256 and 2 * piece * 2 * size[0] * size[1] <= 0.1 * memory * 2**30)


@pytest.mark.parametrize("name", NAMES)
def test_asks_for_each_frame_once_and_for_few_at_a_time(name, made, tmp_path, small_pieces):
    out = made(shape=(300, 40, 24))
    writing.write(out, tmp_path / name, Runtime("cpu", max_memory=0.001, quiet=True))
    asked = out.recording.frames.asked
    assert [number for piece in asked for number in piece] == list(range(300))
    assert max(map(len, asked)) == BLOCK


@pytest.mark.parametrize("name", ["movie.avi", "movie", "movie.zarr.zip"])
def test_names_of_no_format_are_refused(name, made, tmp_path):
    out = made()
    with pytest.raises(UserError, match=rf"{name}: a simulated movie is written as .tif, .tiff, .zarr, .h5 or .hdf5; give it such a name"):
        writing.write(out, tmp_path / name, RUNTIME)
    assert out.recording.frames.asked == [] and os.listdir(tmp_path) == []
