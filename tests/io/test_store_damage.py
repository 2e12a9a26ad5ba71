"""Damaged results, files of others, newer ones and a full disk: one clear line, and the older file stays."""

from __future__ import annotations

import os
from dataclasses import replace

import h5py
import numpy as np
import pytest

import detectnmf
from detectnmf.compressed import Compressed
from detectnmf.errors import UserError
from detectnmf.io import store

from .conftest import cut
from .results import R, T, X, Y


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.9, 0.9999])
def test_truncated_results(share, result, tmp_path):
    result.save(tmp_path / "result.h5")
    with pytest.raises(UserError, match=r"cut_result.h5 is (truncated|damaged|empty|not an HDF5 file)"):
        detectnmf.load(cut(tmp_path / "result.h5", share))


def test_a_part_that_is_missing_is_named(result, tmp_path):
    result.save(tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5", "a") as file:
        del file["cells/score"]
    with pytest.raises(UserError, match=r"result.h5 is damaged and cannot be read; .*score"):
        detectnmf.load(tmp_path / "result.h5")


def test_indices_that_point_outside_are_found(result, tmp_path):
    """Compiled code that trusts them would crash Python."""
    result.save(tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5", "a") as file:
        file["movie/U/indices"][0] = 10**9
    with pytest.raises(UserError, match=r"result.h5 is damaged and cannot be read"):
        detectnmf.load(tmp_path / "result.h5")


def test_files_of_others(result, tmp_path):
    with pytest.raises(UserError, match=r"result.h5: no such file"):
        detectnmf.load(tmp_path / "result.h5")
    (tmp_path / "empty.h5").touch()
    with pytest.raises(UserError, match=r"empty.h5 is empty"):
        detectnmf.load(tmp_path / "empty.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(UserError, match=r"text.h5 is not an HDF5 file"):
        detectnmf.load(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["movie"] = np.zeros((3, 4, 5))
    with pytest.raises(UserError, match=r"other.h5 was not written by detectnmf; to read a movie from it use detectnmf.read"):
        detectnmf.load(tmp_path / "other.h5")


def test_a_newer_schema_is_refused(result, tmp_path):
    result.save(tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5", "a") as file:
        file.attrs["schema_version"] = 5
        file.attrs["detectnmf_version"] = "9.9"
    with pytest.raises(UserError, match=r"has schema 5 \(detectnmf 9.9\), .* with schema 4; upgrade detectnmf"):
        detectnmf.load(tmp_path / "result.h5")


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt()])
def test_a_failure_in_mid_write_leaves_the_older_file(error, result, tmp_path, monkeypatch):
    result.save(tmp_path / "result.h5")
    before = (tmp_path / "result.h5").read_bytes()

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(store, "_write_movie", fail)
    with pytest.raises(type(error)):
        result.save(tmp_path / "result.h5")
    assert (tmp_path / "result.h5").read_bytes() == before
    assert os.listdir(tmp_path) == ["result.h5"]


def test_a_full_disk_is_one_line_and_leaves_the_older_file(result, tmp_path):
    """The system refuses to write more, in the middle of the file."""
    resource = pytest.importorskip("resource")
    result.save(tmp_path / "result.h5")
    large = Compressed.from_factors(np.ones((Y * X, R)), np.ones((R, 200_000)), np.zeros((Y, X)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*result.h5: .*too large for this file system; write elsewhere"):
            replace(result, background=large).save(tmp_path / "result.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == ["result.h5"]
    assert detectnmf.load(tmp_path / "result.h5").shape == (T, Y, X)
