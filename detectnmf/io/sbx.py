"""Neurolabware's `.sbx`: raw frames whose values stand upside down, and a `.mat` beside them that says what they are (Scanbox)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detectnmf.errors import UserError
from detectnmf.io.base import Index, Opened, one_line
from detectnmf.io.metadata import RATE_RANGE, within
from detectnmf.io.raw import RawArray, truncated

BOTH = 1  # value of `channels` when both were recorded; 2 and 3 are one of them
COLUMNS = 796  # of a line, where `sz` does not say
RESONANT = 7930.0  # Hz, where `resfreq` does not say


def opens(path: Path) -> bool:
    """By the name: there is nothing else to know it by."""
    return path.is_file() and path.suffix.lower() == ".sbx"


def open_movie(path: Path, dataset: str | None) -> Opened:
    """Values as Scanbox shows them: 65535 minus what is stored."""
    if dataset is not None:
        raise UserError(f"{path} holds one movie; leave out dataset={dataset}")
    info = _info(path.with_suffix(".mat"), path)
    try:
        bidirectional = int(info.get("scanmode", 1)) == 0
        size = np.atleast_1d(info.get("sz", [info.get("recordsPerBuffer"), COLUMNS]))
        lines = int(info["recordsPerBuffer"]) * (2 if bidirectional else 1) if "recordsPerBuffer" in info else int(size[0])
        columns = int(size[1])
        channels = 2 if int(info.get("channels", BOTH)) == BOTH else 1
        planes = max(len(np.atleast_1d(info["otwave"])), 1) if int(info.get("volscan", 0) or 0) and "otwave" in info else 1
        resonant = float(info.get("resfreq", RESONANT) or RESONANT)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path.with_suffix('.mat')} does not say what {path.name} holds ({one_line(error)}); copy it again") from error
    if min(lines, columns) < 1:
        raise UserError(f"{path.with_suffix('.mat')} says frames of {lines} × {columns} px; copy it again")
    frames, rest = divmod(path.stat().st_size, 2 * lines * columns * channels)
    if rest:
        raise truncated(path, frames)
    volumes = frames // planes
    if not volumes:
        raise truncated(path, 0)
    left = frames - volumes * planes
    notes = (f"The last {left} frames are no whole volume of {planes} planes and were left out.",) if left else ()
    rate = within(resonant * (2 if bidirectional else 1) / lines / planes, RATE_RANGE)
    raw = RawArray(path, 0, (volumes, planes, lines, columns, channels), np.dtype("<u2"))
    return Opened(_Upright(raw), "TZYXC", rate, None, notes, channels=("green", "red") if channels == 2 else ())


@dataclass(frozen=True)
class _Upright:
    """65535 minus what is stored."""

    raw: RawArray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.raw.shape

    @property
    def dtype(self) -> np.dtype:
        return self.raw.dtype

    def __getitem__(self, index: Index) -> np.ndarray:
        return np.asarray(np.uint16(65535) - self.raw[index])


def _info(file: Path, movie: Path) -> dict[str, Any]:
    """The fields of `info`."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not file.is_file():
        raise UserError(f"{movie}: {file.name} must lie beside it, it says how large the frames are; copy it, too")
    try:
        info = loadmat(file, squeeze_me=True, struct_as_record=False)["info"]
        return {name: getattr(info, name) for name in info._fieldnames}
    except (MatReadError, OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError, IndexError) as error:
        raise UserError(f"{file} cannot be read as Scanbox wrote it ({one_line(error)}); copy it again") from error
