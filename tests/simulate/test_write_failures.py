"""Simulated movies as files: whole or not at all, and what is not replaced."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections import namedtuple
from dataclasses import replace

import h5py
import numpy as np
import pytest
import zarr

import detectnmf
from detectnmf.errors import UserError
from detectnmf.runtime import Runtime
from detectnmf.simulate import write as writing

RUNTIME = Runtime(device="cpu", quiet=True)
NAMES = ["movie.tif", "movie.zarr", "movie.h5"]


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
