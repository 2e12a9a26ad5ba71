"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detectnmf.errors import UserError

logger = logging.getLogger(__name__)

REASONS = {
    errno.ENOSPC: "no space left on the disk; free some or write elsewhere",
    errno.EDQUOT: "your disk quota is used up; free some or write elsewhere",
    errno.EFBIG: "the file is too large for this file system; write elsewhere",
    errno.EACCES: "permission denied; choose a folder you may write to",
    errno.EPERM: "permission denied; choose a folder you may write to",
    errno.EROFS: "the file system is read-only; choose a folder you may write to",
    errno.ENOENT: "its folder does not exist and cannot be made",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a part of the path is a file, not a folder",
    errno.EISDIR: "there is a folder of that name; choose another name",
}
SHORT = re.compile(r"\d+ requested and \d+ written")  # all that numpy says of a full disk


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it into place when the block ends well, remove it when not.

    The folder is made when it is missing. An older file stays as it was until the last moment.

    Raises:
        UserError: no space, no permission, or no such place.
    """
    path = Path(path)
    part = _beside(path, "part")
    with _explained(path, part):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():  # said before the work, not after it
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            yield part
            _flush(part)
            os.replace(part, path)
            _flush_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise


@contextmanager
def replacing_folder(path: str | Path, check: Callable[[Path], None]) -> Iterator[Path]:
    """Give the path of a folder, to be made, beside `path`; rename it into place when the block ends well, remove it when not.

    An older folder stays as it was until the last moment, when it is renamed aside; it is deleted after the new one is in place.

    Args:
        path: the folder.
        check: raises where what is at `path` must not be deleted; called before the block and again after it.

    Raises:
        UserError: no space, no permission, or no such place.
    """
    path = Path(path)
    part = _beside(path, "part")
    with _explained(path, part):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(path):
                check(path)
            yield part
            for folder, _, files in os.walk(part):
                for file in files:
                    _flush(Path(folder, file))
            _swap(part, path, check)
            _flush_folder(path.parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def _swap(part: Path, path: Path, check: Callable[[Path], None]) -> None:
    """Rename a new folder into place, and delete what was there."""
    if not os.path.lexists(path):
        os.rename(part, path)
        return
    check(path)
    old = _beside(path, "old")
    os.rename(path, old)
    try:
        os.rename(part, path)
    except BaseException:
        os.rename(old, path)
        raise
    if old.is_symlink():  # the link was replaced, as that to a file is; what it led to is not ours to delete
        old.unlink()
    else:
        shutil.rmtree(old, ignore_errors=True)
    if old.exists():
        logger.warning("note: the older %s could not be deleted, and is now %s", path.name, old)


def _beside(path: Path, kind: str) -> Path:
    """A name that nobody else has, in the same folder."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{kind}")


@contextmanager
def _explained(path: Path, part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        reason = why(error, part)
        if reason is None:
            raise
        raise UserError(f"cannot write {path}: {reason}") from error


def why(error: BaseException, path: Path) -> str | None:
    """The reason for a failed write to `path` in a user's words; None when that is not what went wrong."""
    if not isinstance(error, (OSError, RuntimeError)):
        return None
    culprit = getattr(error, "filename", None)
    if culprit is not None and not (path.is_relative_to(str(culprit)) or Path(str(culprit)).is_relative_to(path)):
        return None  # neither this file, nor a folder above it, nor a file in it
    code = getattr(error, "errno", None)
    if code in REASONS:
        return REASONS[code]
    if SHORT.fullmatch(str(error)):
        return REASONS[errno.ENOSPC]
    text = str(error).lower()  # HDF5 keeps the system's error in its text only
    return next((REASONS[known] for known in REASONS if os.strerror(known).lower() in text), None)


def _flush_folder(path: Path) -> None:
    with suppress(OSError):  # some network file systems cannot flush a folder
        _flush(path)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
