"""Short lines about a job: what was read, how long it took, how much memory, which files there are now."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from detectnmf.recording import Recording


def describe(recording: Recording) -> str:
    """One line: what was read."""
    frames, rows, columns = recording.shape
    where = f"{frames} frames of {rows} x {columns} px, {recording.dtype}"
    return f"{recording.name}: {where}, {recording.rate:g} Hz, {recording.pixel_size:g} µm per pixel"


def summary(folder: Path, *files: str) -> str:
    """The files that there are, one line each."""
    return "\n".join(str(folder / name) for name in files if (folder / name).exists())


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def sweep_suffix(overrides: str) -> str:
    """Hydra's `key=value,key=value` as a part of a file name."""
    plain = re.sub(r"[^\w.=,+-]+", "_", overrides.replace("'", "").replace('"', ""))
    if len(plain) <= 100:
        return plain
    return f"{plain[:90]}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
