"""What the libraries that read files share."""

from __future__ import annotations

from pathlib import Path

from detectnmf.errors import UserError


def existing(path: str | Path | None, what: str) -> Path:
    """The file or folder that the knob names.

    Raises:
        UserError: none is given, or it is not there; `what` says what to give.
    """
    if path is None:
        raise UserError(f"shapes.path is not set; give {what}, for example shapes.path=data/cells")
    found = Path(path).expanduser()
    if not found.exists():
        raise UserError(f"shapes.path={path}: no such file or folder; give {what}")
    return found


def stamp(path: Path) -> tuple[str, int, int]:
    """Name, time and size of a file: what was read from it may be kept as long as they stay."""
    state = path.stat()
    return str(path.resolve()), state.st_mtime_ns, state.st_size
