"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing


def test_a_file_appears_when_it_is_whole(tmp_path):
    with replacing(tmp_path / "new" / "file.txt") as part:
        part.write_text("whole")
        assert not (tmp_path / "new" / "file.txt").exists()
        assert part.parent == tmp_path / "new"  # the same file system, or the rename would be a copy
    assert (tmp_path / "new" / "file.txt").read_text() == "whole"
    assert os.listdir(tmp_path / "new") == ["file.txt"]


def test_an_ordinary_file_is_left_with_ordinary_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "file.txt") as part:
            part.touch()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), OSError(errno.EIO, "Input/output error")])
def test_a_failure_leaves_the_older_file_and_nothing_else(error, tmp_path):
    (tmp_path / "file.txt").write_text("old")
    with pytest.raises(type(error)), replacing(tmp_path / "file.txt") as part:
        part.write_text("half")
        raise error
    assert (tmp_path / "file.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on the disk; free some or write elsewhere"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "quota is used up"),
        (OSError(errno.EROFS, "Read-only file system"), "the file system is read-only; choose a folder"),
        (PermissionError(errno.EACCES, "Permission denied"), "permission denied; choose a folder you may write to"),
        (RuntimeError("Unable to flush (errno = 28, error message = 'No space left on device')"), "no space left on the disk"),
    ],
)
def test_what_the_user_can_mend_is_one_line(error, message, tmp_path):
    with pytest.raises(UserError, match=f"cannot write .*file.txt: .*{message}") as raised, replacing(tmp_path / "file.txt") as part:
        part.write_text("half")
        raise error
    assert "\n" not in str(raised.value)
    assert os.listdir(tmp_path) == []


def test_another_file_that_may_not_be_read_is_not_blamed_on_this_one(tmp_path):
    with pytest.raises(PermissionError), replacing(tmp_path / "file.txt"):
        raise PermissionError(errno.EACCES, "Permission denied", "/some/movie.tif")


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"a part of the path is a file, not a folder"), replacing(tmp_path / "file" / "result.h5"):
        pass
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(UserError, match=r"there is a folder of that name"), replacing(tmp_path / "folder") as part:
        part.touch()
