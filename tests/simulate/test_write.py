"""Simulated movies as files."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections import namedtuple
from dataclasses import dataclass, field, replace

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

RUNTIME = Runtime(device="cpu", quiet=True)
UINT16 = np.dtype("uint16")
NAMES = ["movie.tif", "movie.zarr", "movie.h5"]


@dataclass
class Drawn:
    """Frames that are computed when they are asked for, each from its number; notes what was asked, and what stood there then."""

    shape: tuple[int, int, int] = (100, 40, 24)
    dtype: np.dtype = UINT16
    seed: int = 0
    watch: object = None
    fails: dict = field(default_factory=dict)  # first frame of the failing piece -> error
    asked: list = field(default_factory=list)
    seen: list = field(default_factory=list)

    def __getitem__(self, index):
        self.asked.append(range(self.shape[0])[index])
        self.seen.append(None if self.watch is None else self.watch())
        for frame, error in self.fails.items():
            if frame in self.asked[-1]:
                raise error
        return np.stack([self.frame(number) for number in self.asked[-1]])

    def frame(self, number):
        values = np.random.default_rng([self.seed, number]).normal(100, 30, self.shape[1:])
        return values.astype(self.dtype)


@pytest.fixture
def made(simulated):
    """A simulated movie of drawn frames."""

    def make(rate=12.5, pixel_size=0.73, **knobs):
        knobs["dtype"] = np.dtype(knobs.get("dtype", "uint16"))
        return replace(simulated, recording=Recording(Drawn(**knobs), rate=rate, pixel_size=pixel_size))

    return make


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of one block, so that a short movie has several."""
    monkeypatch.setattr(base, "CHUNK", 8 * 40 * 24 * 2)
    monkeypatch.setattr(base, "MOST", BLOCK)


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
    recording = Recording(Drawn((frames, 512, 512)))
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
    recording = Recording(Drawn((100_000, *size), np.dtype(dtype)))
    assert base.frames_in_chunk(recording) == chunk
    assert chunk % BLOCK == 0 or BLOCK % chunk == 0


@pytest.mark.parametrize("memory", [0.001, 0.5, 2.0, 64.0])
@pytest.mark.parametrize("size", [(60, 72), (200, 310), (512, 512), (1024, 1024)])
def test_pieces_are_whole_blocks_and_chunks_within_the_memory(size, memory):
    recording = Recording(Drawn((100_000, *size)))
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


# ---- whole or not at all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_stands_there_when_it_is_whole(name, made, tmp_path, small_pieces):
    """Whenever the program is killed, there is no half movie under the name."""
    out = made(watch=lambda: {file for file in os.listdir(tmp_path) if not file.startswith(".")})
    writing.write(out, tmp_path / name, RUNTIME)
    assert out.recording.frames.seen == [set()] * 4
    assert set(os.listdir(tmp_path)) == {name, "movie.truth.h5"}


@pytest.mark.parametrize("name", NAMES)
def test_replaces_an_older_movie_at_the_last_moment(name, made, tmp_path, small_pieces):
    old, path = made(shape=(140, 40, 24), seed=1), tmp_path / name
    writing.write(old, path, RUNTIME)
    new = made(seed=2, watch=lambda: np.array_equal(detectnmf.read(path)[:], old.recording[:]))
    writing.write(new, path, RUNTIME)
    assert new.recording.frames.seen == [True] * 4
    assert np.array_equal(detectnmf.read(path)[:], new.recording[:])
    assert sorted(os.listdir(tmp_path)) == sorted([name, "movie.truth.h5"])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a fault")])
@pytest.mark.parametrize("name", NAMES)
def test_a_failure_leaves_the_older_movie_with_its_truth_and_nothing_else(name, error, made, tmp_path, small_pieces):
    old = made(seed=1)
    truth = writing.write(old, tmp_path / name, RUNTIME).read_bytes()
    with pytest.raises(type(error)) as raised:
        writing.write(replace(made(fails={70: error}), truth=replace(old.truth, name="other")), tmp_path / name, RUNTIME)
    assert raised.value is error
    assert np.array_equal(detectnmf.read(tmp_path / name)[:], old.recording[:])
    assert (tmp_path / "movie.truth.h5").read_bytes() == truth
    assert sorted(os.listdir(tmp_path)) == sorted([name, "movie.truth.h5"])


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_of_the_first_movie_leaves_nothing(name, made, tmp_path, small_pieces):
    with pytest.raises(KeyboardInterrupt):
        writing.write(made(fails={70: KeyboardInterrupt()}), tmp_path / name, RUNTIME)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_movie_larger_than_the_disk_is_refused_before_a_frame_is_computed(name, made, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("Usage", "total used free")(100e9, 80e9, 20e9))
    out = made(shape=(50_000, 512, 512), fails={0: AssertionError("26 GB would be written")})
    with pytest.raises(UserError, match=rf"no space for .*{name}: 50000 × 512 × 512 uint16 need 26.5 GB, and 20 GB are free; free some"):
        writing.write(out, tmp_path / name, RUNTIME)
    assert out.recording.frames.asked == [] and os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_disk_that_fills_up_is_one_line(name, made, tmp_path):
    """As the system and each library say it; the system's limit on the size of a file stands for the disk."""
    out, before = replace(made(shape=(3000, 40, 24)), truth=SmallTruth()), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UserError, match=rf"^cannot write .*{name}: (no space left on the disk|the file is too large)[^\n]*$"):
            writing.write(out, tmp_path / name, RUNTIME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == []


class SmallTruth:
    def save(self, path):
        path.write_text("truth")


def test_a_full_disk_found_by_the_truth_names_the_truth(made, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    out = made()
    with pytest.raises(UserError, match=r"^cannot write \S*/movie.truth.h5: no space left on the disk; free some or write elsewhere$"):
        writing.write(out, tmp_path / "movie.tif", RUNTIME)
    assert out.recording.frames.asked == [] and os.listdir(tmp_path) == []


# ---- what is not replaced -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_movie_without_its_truth(name, made, tmp_path):
    (tmp_path / "movie.truth.h5").mkdir()
    out = made()
    with pytest.raises(UserError, match=r"movie.truth.h5: there is a folder of that name"):
        writing.write(out, tmp_path / name, RUNTIME)
    assert out.recording.frames.asked == [] and os.listdir(tmp_path) == ["movie.truth.h5"]


def fill(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")


@pytest.mark.parametrize(
    ("name", "inside", "message"),
    [
        ("movie.tif", ["a.txt"], "movie.tif: there is a folder of that name"),
        ("movie.h5", ["a.txt"], "movie.h5: there is a folder of that name"),
        ("movie.zarr", ["a.txt"], "movie.zarr is there, and is not a zarr store; choose another name"),
        ("movie.zarr", ["inner/zarr.json"], "movie.zarr is there, and is not a zarr store"),
        ("movie.zarr", ["zarr.json", "c/0/0/0", "notes.txt"], "notes.txt is no part of a zarr store, and would be lost; move it"),
        ("movie.zarr", [".zgroup", "0/.zarray", "0/0.0.0", "0/thesis/1.docx"], "thesis/1.docx is no part of a zarr store"),
    ],
)
def test_folders_that_are_something_else_are_kept(name, inside, message, made, tmp_path):
    fill(tmp_path / name, inside)
    out = made()
    with pytest.raises(UserError, match=message):
        writing.write(out, tmp_path / name, RUNTIME)
    assert out.recording.frames.asked == [] and os.listdir(tmp_path) == [name]
    assert all((tmp_path / name / file).read_text() == "mine" for file in inside)


def test_a_file_is_not_replaced_by_a_folder(made, tmp_path):
    (tmp_path / "movie.zarr").write_text("mine")
    with pytest.raises(UserError, match=r"movie.zarr is there, and is not a zarr store"):
        writing.write(made(), tmp_path / "movie.zarr", RUNTIME)
    assert (tmp_path / "movie.zarr").read_text() == "mine"


def test_a_file_that_appears_meanwhile_is_kept(made, tmp_path):
    """What may be deleted is looked at again at the end."""
    path = tmp_path / "movie.zarr"
    writing.write(made(), path, RUNTIME)
    with pytest.raises(UserError, match=r"notes.txt is no part of a zarr store"):
        writing.write(made(seed=2, watch=lambda: (path / "notes.txt").write_text("mine")), path, RUNTIME)
    assert (path / "notes.txt").read_text() == "mine"
    assert np.array_equal(detectnmf.read(path)[:], made().recording[:])
    assert sorted(os.listdir(tmp_path)) == ["movie.truth.h5", "movie.zarr"]


@pytest.mark.parametrize(("version", "name"), [(2, "v2"), (3, "v2"), (3, "default")])
@pytest.mark.parametrize("separator", [".", "/"])
def test_other_programs_zarr_stores_are_replaced(version, name, separator, made, tmp_path):
    group = zarr.create_group(tmp_path / "movie.zarr", zarr_format=version, attributes={"by": "another program"})
    knobs = {"zarr_format": version, "chunk_key_encoding": {"name": name, "separator": separator}}
    zarr.create_array(group.store, name="deep/raw", data=np.ones((4, 6, 6)), chunks=(2, 3, 3), **knobs)
    (tmp_path / "movie.zarr" / ".DS_Store").touch()
    writing.write(made(), tmp_path / "movie.zarr", RUNTIME)
    assert np.array_equal(detectnmf.read(tmp_path / "movie.zarr")[:], made().recording[:])
    assert not (tmp_path / "movie.zarr" / "deep").exists()


@pytest.mark.parametrize("name", ["movie.avi", "movie", "movie.zarr.zip"])
def test_names_of_no_format_are_refused(name, made, tmp_path):
    out = made()
    with pytest.raises(UserError, match=rf"{name}: a simulated movie is written as .tif, .tiff, .zarr, .h5 or .hdf5; give it such a name"):
        writing.write(out, tmp_path / name, RUNTIME)
    assert out.recording.frames.asked == [] and os.listdir(tmp_path) == []
