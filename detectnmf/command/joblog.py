"""What a job says while it runs: short lines on the terminal, the same with times and more in the result folder's log.txt."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any, TextIO

logger = logging.getLogger("detectnmf")


class _Terminal(logging.Handler):
    """Lines on stderr, written above a progress bar rather than through it."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


class JobLog:
    """Keeps every line until the result folder is known, then writes it there."""

    def __init__(self) -> None:
        self._lines = MemoryHandler(capacity=100_000, flushLevel=logging.CRITICAL + 1)
        self._lines.setLevel(logging.DEBUG)
        self.file: logging.FileHandler | None = None

    def into(self, path: Path) -> None:
        """Write the lines so far, and all later ones, to `path`, after those of earlier calls."""
        self.file = logging.FileHandler(path, mode="a", encoding="utf-8")
        self.file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._lines.setTarget(self.file)
        self._lines.flush()
        logger.addHandler(self.file)
        logger.removeHandler(self._lines)

    def close(self) -> None:
        for handler in (self._lines, self.file):
            if handler is not None:
                logger.removeHandler(handler)
                handler.setTarget(None) if isinstance(handler, MemoryHandler) else None
                handler.close()


@contextmanager
def job_log(quiet: bool = False) -> Iterator[JobLog]:
    """Show what the library logs; other libraries' warnings go to log.txt alone."""
    log, terminal = JobLog(), _Terminal(logging.WARNING if quiet else logging.INFO)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(terminal)
    logger.addHandler(log._lines)

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
    ) -> Any:
        logger.debug("%s:%s: %s: %s", filename, lineno, category.__name__, message)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield log
    finally:
        logger.removeHandler(terminal)
        log.close()
        logger.setLevel(before)
