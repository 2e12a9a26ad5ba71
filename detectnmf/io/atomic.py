"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detectnmf.errors import UserError

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


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it into place when the block ends well, remove it when not.

    The folder is made when it is missing. An older file stays as it was until the last moment.

    Raises:
        UserError: no space, no permission, or no such place.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _flush(part)
        os.replace(part, path)
        with suppress(OSError):  # some network file systems cannot flush a folder
            _flush(path.parent)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        reason = why(error, part)
        if reason is None:
            raise
        raise UserError(f"cannot write {path}: {reason}") from error


def why(error: BaseException, path: Path) -> str | None:
    """The reason for a failed write to `path` in a user's words; None when that is not what went wrong."""
    if not isinstance(error, (OSError, RuntimeError)):
        return None
    culprit = getattr(error, "filename", None)
    if culprit is not None and not path.is_relative_to(str(culprit)):  # neither this file nor a folder above it
        return None
    code = getattr(error, "errno", None)
    if code in REASONS:
        return REASONS[code]
    text = str(error).lower()  # HDF5 keeps the system's error in its text only
    return next((REASONS[known] for known in REASONS if os.strerror(known).lower() in text), None)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
