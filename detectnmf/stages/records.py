"""`Records`: what an unfinished stage has done so far, written down now and then."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.atomic import replacing_folder
from detectnmf.partial import Partial
from detectnmf.stages.pack import pack, unpack

logger = logging.getLogger(__name__)
WORTH = 20  # times as long as it took to write the last record must be worked before the next


class Records(Partial):
    """Records of one stage, the last whole one of which is found again after an interruption.

    Args:
        folder: for the records; made when it is needed.
        every: seconds of work between two records, and more where a record takes long to write; 0 writes at every chance.
        device: for tensors that are found again.
    """

    def __init__(self, folder: Path, every: float = 30.0, device: Any = "cpu") -> None:
        self.folder: Path | None = folder  # None once it cannot be written to
        self.every, self.device = every, device
        self.last = time.monotonic()
        self.took = 0.0  # s, to write the last record
        self._beside: dict[str, Any] = {}
        remove_unfinished(folder)

    def beside(self, name: str, state: Any) -> None:
        self._beside[name] = state

    @property
    def due(self) -> bool:
        wait = max(self.every, WORTH * self.took) if self.every else 0.0
        return self.folder is not None and time.monotonic() - self.last >= wait

    def save(self, step: str, value: Any) -> None:
        if self.folder is None:
            return
        earlier = self._numbers(step)
        self._write(self.folder / f"{step}.{max(earlier, default=0) + 1}", {"value": value, "beside": self._beside})
        for number in earlier:
            shutil.rmtree(self.folder / f"{step}.{number}", ignore_errors=True)
        self.last = time.monotonic()

    def load(self, step: str) -> Any | None:
        for number in sorted(self._numbers(step), reverse=True):
            found = self._read(f"{step}.{number}")
            if found is None:
                continue
            for name, state in found["beside"].items():
                for part in fields(state) if name in self._beside else ():
                    np.copyto(getattr(self._beside[name], part.name), getattr(state, part.name))
            return found["value"]
        return None

    def add(self, step: str, start: int, stop: int, value: Any) -> None:
        if self.folder is not None:
            self._write(self.folder / f"{step}.{start}-{stop}", {"value": value})
            self.last = time.monotonic()

    def added(self, step: str) -> Iterator[tuple[slice, Any]]:
        at = 0
        while self.folder is not None and self.folder.is_dir():
            name = next((path.name for path in self.folder.glob(f"{step}.{at}-*")), None)
            found = None if name is None else self._read(name)
            if name is None or found is None:
                return
            stop = int(name.rpartition("-")[2])
            yield slice(at, stop), found["value"]
            at = stop

    def _numbers(self, step: str) -> list[int]:
        if self.folder is None or not self.folder.is_dir():
            return []
        names = [path.name.rpartition(".") for path in self.folder.iterdir()]
        return [int(number) for before, _, number in names if before == step and number.isdigit()]

    def _write(self, path: Path, value: Any) -> None:
        """A record that cannot be written is none, and said."""
        start = time.monotonic()
        try:
            with replacing_folder(path, lambda _: None) as part:
                part.mkdir()
                pack(value, part)
        except (UserError, TypeError) as error:
            logger.warning("note: %s; what this stage has done would be lost in an interruption", error)
            self.folder = None
        self.took = time.monotonic() - start

    def _read(self, name: str) -> Any | None:
        assert self.folder is not None
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
            return unpack(self.folder / name, self.device)
        return None


def remove_unfinished(folder: Path) -> None:
    """What a run that died was just writing into a folder."""
    for left in folder.glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)
