"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing, replacing_folder


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
        (OSError("16384 requested and 10040 written"), "no space left on the disk"),
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


def test_a_folder_in_the_way_is_told_before_the_work(tmp_path):
    (tmp_path / "result.h5").mkdir()
    with pytest.raises(UserError, match=r"result.h5: there is a folder of that name"), replacing(tmp_path / "result.h5"):
        pytest.fail("the work began")


# ---- folders ------------------------------------------------------------------------------------------------------------


def fill(folder, text):
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file.txt").write_text(text)
    (folder / text).touch()


def anything(path):
    """No folder is too dear to be replaced."""


def refused(path):
    raise UserError(f"{path.name} is dear")


def test_a_folder_appears_when_it_is_whole(tmp_path):
    with replacing_folder(tmp_path / "new" / "store", refused) as part:
        fill(part, "whole")
        assert not (tmp_path / "new" / "store").exists()
        assert part.parent == tmp_path / "new"
    assert sorted(os.listdir(tmp_path / "new" / "store")) == ["inner", "whole"]
    assert os.listdir(tmp_path / "new") == ["store"]


def test_a_new_folder_takes_the_place_of_the_older_one(tmp_path):
    fill(tmp_path / "store", "old")
    with replacing_folder(tmp_path / "store", anything) as part:
        fill(part, "new")
        assert (tmp_path / "store" / "inner" / "file.txt").read_text() == "old"
    assert sorted(os.listdir(tmp_path / "store")) == ["inner", "new"]
    assert os.listdir(tmp_path) == ["store"]


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt()])
def test_a_failure_leaves_the_older_folder_and_nothing_else(error, tmp_path):
    fill(tmp_path / "store", "old")
    with pytest.raises(type(error)), replacing_folder(tmp_path / "store", anything) as part:
        fill(part, "half")
        raise error
    assert sorted(os.listdir(tmp_path / "store")) == ["inner", "old"]
    assert os.listdir(tmp_path) == ["store"]


def test_a_folder_that_must_stay_is_told_before_the_work(tmp_path):
    fill(tmp_path / "store", "old")
    with pytest.raises(UserError, match="store is dear"), replacing_folder(tmp_path / "store", refused):
        pytest.fail("the work began")
    assert os.listdir(tmp_path) == ["store"]


def test_a_folder_that_appears_meanwhile_is_checked_too(tmp_path):
    with pytest.raises(UserError, match="store is dear"), replacing_folder(tmp_path / "store", refused) as part:
        fill(part, "new")
        fill(tmp_path / "store", "other")
    assert sorted(os.listdir(tmp_path / "store")) == ["inner", "other"]
    assert os.listdir(tmp_path) == ["store"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EBUSY, "Device or resource busy")])
def test_the_older_folder_comes_back_when_the_new_one_cannot_take_its_place(error, tmp_path, monkeypatch):
    fill(tmp_path / "store", "old")
    rename = os.rename

    def stumble(source, target):
        if str(source).endswith(".part"):
            raise error
        rename(source, target)

    monkeypatch.setattr(os, "rename", stumble)
    with pytest.raises(type(error)), replacing_folder(tmp_path / "store", anything) as part:
        fill(part, "new")
    assert sorted(os.listdir(tmp_path / "store")) == ["inner", "old"]
    assert os.listdir(tmp_path) == ["store"]


def test_what_a_link_leads_to_is_kept(tmp_path):
    fill(tmp_path / "elsewhere", "old")
    (tmp_path / "store").symlink_to(tmp_path / "elsewhere")
    with replacing_folder(tmp_path / "store", anything) as part:
        fill(part, "new")
    assert not (tmp_path / "store").is_symlink() and sorted(os.listdir(tmp_path / "store")) == ["inner", "new"]
    assert sorted(os.listdir(tmp_path / "elsewhere")) == ["inner", "old"]
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "store"]


def test_an_older_folder_that_cannot_be_deleted_is_named(tmp_path, monkeypatch, caplog):
    fill(tmp_path / "store", "old")
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with replacing_folder(tmp_path / "store", anything) as part:
        fill(part, "new")
    (old,) = (tmp_path / name for name in os.listdir(tmp_path) if name.startswith("."))
    assert caplog.messages == [f"note: the older store could not be deleted, and is now {old}"]
    assert (old / "inner" / "file.txt").read_text() == "old"


def test_a_full_disk_is_one_line_for_any_file_of_the_folder(tmp_path):
    with (
        pytest.raises(UserError, match=r"cannot write .*store: no space left on the disk"),
        replacing_folder(tmp_path / "store", anything) as part,
    ):
        fill(part, "half")
        raise OSError(errno.ENOSPC, "No space left on device", str(part / "inner" / "file.txt"))
    assert os.listdir(tmp_path) == []
