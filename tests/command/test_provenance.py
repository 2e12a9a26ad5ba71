"""The quick hash tells recordings apart, whatever they are called and whenever they were copied."""

import json
import os
import shutil

import pytest

import detectnmf
from detectnmf.command.provenance import provenance
from detectnmf.runtime import Runtime
from detectnmf.stages.identity import MEGABYTE, fingerprint


@pytest.fixture
def movie(tmp_path):
    path = tmp_path / "movie.raw"
    path.write_bytes(os.urandom(3 * MEGABYTE))
    return path


def test_a_copy_has_the_same_hash(movie):
    copy = shutil.copy(movie, movie.with_name("copy.raw"))
    os.utime(copy, (0, 0))
    assert fingerprint(str(copy))["hash"] == fingerprint(str(movie))["hash"]
    assert fingerprint(str(movie))["input_bytes"] == 3 * MEGABYTE


@pytest.mark.parametrize("place", [0, MEGABYTE - 1, 2 * MEGABYTE, 3 * MEGABYTE - 1])
def test_one_other_byte_at_either_end_is_seen(movie, place):
    before = fingerprint(str(movie))["hash"]
    data = bytearray(movie.read_bytes())
    data[place] ^= 1
    movie.write_bytes(data)
    assert fingerprint(str(movie))["hash"] != before


def test_a_longer_file_is_another(movie):
    before = fingerprint(str(movie))["hash"]
    movie.write_bytes(movie.read_bytes()[:MEGABYTE] + b"x" + movie.read_bytes()[MEGABYTE:])
    assert fingerprint(str(movie))["hash"] != before


def test_small_files_and_folders(tmp_path):
    for name, content in (("a.tif", b"abc"), ("b.tif", b"")):
        (tmp_path / name).write_bytes(content)
    whole = fingerprint(str(tmp_path))
    assert (whole["input_files"], whole["input_bytes"]) == (2, 3)
    assert fingerprint(str(tmp_path / "*.tif"))["hash"] == whole["hash"]
    assert fingerprint(str(tmp_path / "a.tif"))["hash"] != whole["hash"]


def test_provenance_is_plain(movie):
    told = provenance({"seed": 3}, Runtime("cpu", seed=3), "detectnmf run movie.raw", str(movie))
    assert json.loads(json.dumps(told)) == told
    assert (told["version"], told["seed"], told["device"]) == (detectnmf.__version__, 3, "cpu")
    assert told["input"] == str(movie)
