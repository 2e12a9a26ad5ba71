"""Where results go: never over an earlier one unless asked, never where nothing can be written, never two jobs in one place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from detectnmf.errors import UserError

try:
    import fcntl
except ImportError:  # no such lock outside POSIX; there two jobs at once must name two folders
    fcntl = None  # type: ignore[assignment]


def check_writable(folder: Path) -> None:
    """Make the folder and try it.

    Raises:
        UserError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror or error}); choose another place with out=") from None


@contextmanager
def result_folder(wanted: Path, overwrite: bool = False, holds: str = "result.h5") -> Iterator[Path]:
    """A folder for one job: `wanted`, or the next free `wanted-2`, `wanted-3` where an earlier result or a running job is.

    Args:
        wanted: the folder that the user expects.
        overwrite: write into it even if it holds a result.
        holds: the file that makes a folder one with a result.

    Raises:
        UserError: not writable; or overwrite, while another job is writing there.
    """
    for number in count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if (folder / holds).exists() and not overwrite:
            continue
        check_writable(folder)
        lock = _lock(folder)
        if lock is None:
            if overwrite:
                raise UserError(f"another job is writing to {folder}; wait for it, or choose another place with out=")
            continue
        try:
            if (folder / holds).exists() and not overwrite:  # another job has just finished here
                continue
            yield folder
            return
        finally:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """An open descriptor that holds the folder until it is closed or the process ends; None if another job has it."""
    descriptor = os.open(folder, os.O_RDONLY) if fcntl else os.open(os.devnull, os.O_RDONLY)
    if fcntl:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # a file system without locks
            pass
    return descriptor
