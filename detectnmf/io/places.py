"""From what the user typed to files on disk: a file, a zarr folder, a folder of TIFFs, a pattern."""

from __future__ import annotations

import difflib
import glob
import re
from dataclasses import dataclass
from pathlib import Path

from detectnmf.errors import UserError
from detectnmf.io import zarr_store

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
SIGNS = "*?["


@dataclass(frozen=True)
class Place:
    """The files of a movie, in their order, and the name that it goes by."""

    files: tuple[Path, ...]
    name: str


def find(path: str | Path) -> Place:
    """Find the files; a folder stands for its TIFFs, a pattern for all that match, 2 before 10.

    Raises:
        UserError: nothing there (with names that are near), or a folder without TIFFs.
    """
    place = Path(path).expanduser()
    if not str(path).strip():
        raise UserError("the path of the movie is empty; give a file, a folder or a pattern")
    if place.is_file() or zarr_store.opens(place):
        return Place((place,), _stem(place.name))
    if place.is_dir():
        files = _natural([file for file in place.iterdir() if _is_tiff_name(file)])
        if not files:
            raise UserError(f"{place} is a folder without TIFF files (it has {_contents(place)}); give a movie's file or a folder of TIFFs")
        return Place(tuple(files), _stem(files[0].name) if len(files) == 1 else place.resolve().name)
    if any(sign in str(path) for sign in SIGNS):
        files = _natural([Path(found) for found in glob.glob(str(place)) if not Path(found).name.startswith(".")])
        if not files:
            raise UserError(f"nothing matches {path}; a pattern is written as in 'folder/trial_*.tif'")
        if len(files) == 1:
            return find(files[0])
        return Place(tuple(files), re.split(r"[*?\[]", place.name)[0].strip("_-. ") or place.parent.resolve().name)
    raise UserError(f"{place}: no such file or folder{_near(place)}")


def _is_tiff_name(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()


def _natural(files: list[Path]) -> list[Path]:
    """frame_2 before frame_10."""
    return sorted(files, key=lambda file: ([(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(file))]))


def _stem(name: str) -> str:
    """The name without its suffix, and without the .ome before it."""
    return re.sub(r"(\.ome)?\.[A-Za-z0-9]{1,5}$", "", name) or name


def _near(place: Path) -> str:
    folder = place.parent
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    names = difflib.get_close_matches(place.name, [file.name for file in folder.iterdir()], n=3, cutoff=0.75)
    return f"; did you mean {' or '.join(names)}?" if names else f"; {folder.resolve()} has {_contents(folder)}"


def _contents(folder: Path, most: int = 4) -> str:
    names = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
    return (", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")) if names else "no files"
