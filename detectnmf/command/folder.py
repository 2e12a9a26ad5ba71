"""Where results go: never over an earlier one unless asked, never where nothing can be written, never two jobs in one place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from detectnmf.errors import UserError

try:
    import fcntl
except ImportError:  # no such lock outside POSIX; there two jobs at once must name two folders
    fcntl = None  # type: ignore[assignment]


LOG = "log.txt"  # the first thing that a job writes
REPLACED = ("config.yaml", "report.html", "events.csv")  # what a job writes anew where it stands; without a log they are someone else's


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
def result_folder(
    wanted: Path, overwrite: bool = False, holds: str = "result.h5", mine: Callable[[Path], bool] = lambda _: False
) -> Iterator[Path]:
    """A folder for one job: `wanted`, or the next free `wanted-2`, `wanted-3` where an earlier result, a running job, or what no job has
    written but would be replaced, is.

    Args:
        wanted: the folder that the user expects.
        overwrite: write into it even if it holds a result.
        holds: the file that makes a folder one with a result.
        mine: True of such a file where it is this very job's own, which an earlier call has finished.

    Raises:
        UserError: not writable; or overwrite, while another job is writing there.
    """

    def taken(folder: Path) -> bool:
        foreign = not (folder / LOG).exists() and any((folder / name).exists() for name in REPLACED)
        return not overwrite and (foreign or ((folder / holds).exists() and not mine(folder / holds)))

    for folder in candidates(wanted):
        if taken(folder):
            continue
        check_writable(folder)
        lock = _lock(folder)
        if lock is None:
            if overwrite:
                raise UserError(f"another job is writing to {folder}; wait for it, or choose another place with out=")
            continue
        try:
            if taken(folder):  # another job has just finished here
                continue
            yield folder
            return
        finally:
            os.close(lock)


def candidates(wanted: Path) -> Iterator[Path]:
    """`wanted`, `wanted-2`, `wanted-3`, ..., without an end."""
    yield wanted
    for number in count(2):
        yield named(wanted, str(number))


def named(folder: Path, more: str) -> Path:
    """`folder-more`, beside the folder."""
    folder = folder.resolve() if folder.name in ("", "..") else folder
    return folder.with_name(f"{folder.name}-{more}")


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
